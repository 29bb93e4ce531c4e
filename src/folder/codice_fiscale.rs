//! The codice fiscale of sixteen characters: check letter, omocodia, what it says of the person.
//!
//! Source: DM 12-3-1974 and DM 23-12-1976. Its composition from a person's data is in
//! [`super::compose`]; the other identifiers are in [`super::identifier`].

/// Positions (0-based) that hold digits, and letters in case of omocodia.
pub const DIGIT_POSITIONS: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];

/// Letters of the months, January first.
pub const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";

const OMOCODIA: &[u8; 10] = b"LMNPQRSTUV";

/// Weights at odd positions (1-based): the same for a digit and the letter of its rank.
const ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// Why a text is not a codice fiscale; never says the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodiceFiscaleError {
    #[error("not sixteen characters in the form of a codice fiscale")]
    Shape,
    #[error("the day of birth in the codice fiscale is impossible")]
    Day,
    #[error("the check letter of the codice fiscale is wrong")]
    CheckLetter,
}

/// Sex as the codice fiscale and the folder write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    Male,
    Female,
}

/// What a codice fiscale says of its person.
#[derive(Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Last two digits of the year of birth.
    pub year_of_century: u8,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    pub sex: Sex,
    /// Belfiore code, or `Z` and three digits.
    pub place: String,
}

/// Check letter of the first 15 characters (upper-case ASCII letters and digits).
///
/// # Errors
/// [`CodiceFiscaleError::Shape`] if they are not 15 such characters.
pub fn check_letter(first: &[u8]) -> Result<u8, CodiceFiscaleError> {
    if first.len() != 15 {
        return Err(CodiceFiscaleError::Shape);
    }
    let mut sum = 0;
    for (index, &byte) in first.iter().enumerate() {
        let rank = rank(byte).ok_or(CodiceFiscaleError::Shape)?;
        sum += if index % 2 == 0 { ODD[rank] } else { rank as u32 };
    }
    Ok(b'A' + (sum % 26) as u8)
}

fn rank(byte: u8) -> Option<usize> {
    match byte {
        b'0'..=b'9' => Some(usize::from(byte - b'0')),
        b'A'..=b'Z' => Some(usize::from(byte - b'A')),
        _ => None,
    }
}

/// Checks form and check letter, omocodia allowed.
///
/// # Errors
/// Says what is wrong, never the text.
pub fn verify(text: &str) -> Result<(), CodiceFiscaleError> {
    let bytes = text.as_bytes();
    without_omocodia(bytes).ok_or(CodiceFiscaleError::Shape)?;
    if check_letter(&bytes[..15])? == bytes[15] { Ok(()) } else { Err(CodiceFiscaleError::CheckLetter) }
}

/// The same codice fiscale with omocodia undone and its check letter recomputed.
///
/// `None` if form or check letter is wrong: a mistyped code must not become somebody else's.
pub fn canonical(text: &str) -> Option<String> {
    verify(text).ok()?;
    let mut bytes = without_omocodia(text.as_bytes())?;
    bytes[15] = check_letter(&bytes[..15]).ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// How many digits omocodia has replaced (0 to 7); `None` if the form is wrong.
pub fn omocodia_level(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    without_omocodia(bytes)?;
    Some(DIGIT_POSITIONS.iter().filter(|&&position| bytes[position].is_ascii_alphabetic()).count())
}

/// Replaces the digits at `positions` (0-based, see [`DIGIT_POSITIONS`]) and recomputes the check letter.
///
/// `None` if the form is wrong; positions that hold no digit stay as they are.
pub fn with_omocodia(text: &str, positions: &[usize]) -> Option<String> {
    let mut bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
    for &position in positions {
        let byte = bytes.get_mut(position)?;
        if byte.is_ascii_digit() {
            *byte = OMOCODIA[usize::from(*byte - b'0')];
        }
    }
    bytes[15] = check_letter(&bytes[..15]).ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// Reads date, sex and place of birth; form and check letter are checked first.
///
/// # Errors
/// Says what is wrong, never the text.
pub fn decode(text: &str) -> Result<Decoded, CodiceFiscaleError> {
    verify(text)?;
    let bytes = without_omocodia(text.as_bytes()).ok_or(CodiceFiscaleError::Shape)?;
    let two = |at: usize| (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0');
    let month = MONTHS.iter().position(|&m| m == bytes[8]).ok_or(CodiceFiscaleError::Shape)? as u8 + 1;
    let (sex, day) = match two(9) {
        day @ 1..=31 => (Sex::Male, day),
        day @ 41..=71 => (Sex::Female, day - 40),
        _ => return Err(CodiceFiscaleError::Day),
    };
    let place = bytes[11..15].iter().map(|&byte| char::from(byte)).collect();
    Ok(Decoded { year_of_century: two(6), month, day, sex, place })
}

/// The bytes with digits restored; `None` if the form is wrong.
fn without_omocodia(bytes: &[u8]) -> Option<[u8; 16]> {
    let mut restored: [u8; 16] = bytes.try_into().ok()?;
    for (index, byte) in restored.iter_mut().enumerate() {
        if DIGIT_POSITIONS.contains(&index) {
            if !byte.is_ascii_digit() {
                *byte = b'0' + OMOCODIA.iter().position(|letter| letter == byte)? as u8;
            }
        } else if !byte.is_ascii_uppercase() {
            return None;
        }
    }
    MONTHS.contains(&restored[8]).then_some(restored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEVELS: [&str; 8] = [
        "XXXYYY80A01H501D",
        "XXXYYY80A01H50MV",
        "XXXYYY80A01H5LMG",
        "XXXYYY80A01HRLMB",
        "XXXYYY80A0MHRLMT",
        "XXXYYY80ALMHRLME",
        "XXXYYY8LALMHRLMP",
        "XXXYYYULALMHRLMM",
    ];

    #[test]
    fn omocodia_is_undone_at_every_level() {
        for (level, text) in LEVELS.iter().enumerate() {
            assert_eq!(verify(text), Ok(()));
            assert_eq!(omocodia_level(text), Some(level));
            assert_eq!(canonical(text).as_deref(), Some(LEVELS[0]));
        }
    }

    #[test]
    fn omocodia_is_done_from_the_right() {
        for (level, text) in LEVELS.iter().enumerate() {
            let positions: Vec<usize> = DIGIT_POSITIONS.iter().rev().take(level).copied().collect();
            assert_eq!(with_omocodia(LEVELS[0], &positions).as_deref(), Some(*text));
        }
    }

    #[test]
    fn a_wrong_check_letter_is_no_one_else() {
        assert_eq!(verify("XXXYYY80A01H501A"), Err(CodiceFiscaleError::CheckLetter));
        assert_eq!(canonical("XXXYYY80A01H501A"), None);
    }

    #[test]
    fn a_female_born_abroad_is_decoded() {
        let decoded = decode("XXXYYY80A41Z100N").unwrap();
        assert!(decoded.sex == Sex::Female);
        assert_eq!((decoded.year_of_century, decoded.month, decoded.day), (80, 1, 1));
        assert_eq!(decoded.place, "Z100");
    }

    #[test]
    fn odd_shapes_are_refused() {
        for text in
            ["", "XXXYYY80A01H501", "xxxyyy80A01H501D", "XXXYYY80F01H501D", "XXXYYY8AA01H501D", "èèèèèèèè"]
        {
            assert_eq!(verify(text), Err(CodiceFiscaleError::Shape));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC{0,20}|[A-Z0-9]{16}") {
            prop_assert_eq!(canonical(&text).is_some(), verify(&text).is_ok());
            let _ = (omocodia_level(&text), decode(&text).is_ok(), with_omocodia(&text, &DIGIT_POSITIONS));
        }

        #[test]
        fn what_is_composed_is_decoded(year in 1900i16..2027, day in 1i8..29, month in 1i8..13, female: bool, level in 0usize..8) {
            let sex = if female { Sex::Female } else { Sex::Male };
            let born = jiff::civil::date(year, month, day);
            let plain = crate::folder::compose::compose("Rossi", "Ada", born, sex, "F205");
            let positions: Vec<usize> = DIGIT_POSITIONS.iter().rev().take(level).copied().collect();
            let text = with_omocodia(&plain, &positions).unwrap();
            let decoded = decode(&text).unwrap();
            prop_assert_eq!(canonical(&text), Some(plain));
            prop_assert_eq!((decoded.month, decoded.day), (month as u8, day as u8));
            prop_assert_eq!(i16::from(decoded.year_of_century), year % 100);
            prop_assert!(decoded.sex == sex && decoded.place == "F205");
        }

        /// The weights of the letters are all different, at odd positions and at even ones.
        #[test]
        fn a_wrong_letter_of_the_surname_is_caught(position in 0usize..6, letter in 0u8..26) {
            let mut bytes = *b"XXXYYY80A01H501D";
            let wrong = b'A' + letter;
            prop_assume!(bytes[position] != wrong);
            bytes[position] = wrong;
            prop_assert_eq!(verify(std::str::from_utf8(&bytes).unwrap()), Err(CodiceFiscaleError::CheckLetter));
        }
    }
}
