//! Composes a codice fiscale from a person's data: for generated people and templates.
//!
//! The true one is given by the Agenzia delle Entrate only; this is its published algorithm (DM 23-12-1976).

use super::codice_fiscale::{MONTHS, Sex, check_letter};

/// Codice fiscale of a person, without omocodia. `place` is the Belfiore code or `Z` and three digits.
///
/// Letters outside the Italian alphabet lose their accent; anything else in names is passed over.
pub fn compose(surname: &str, name: &str, birth: jiff::civil::Date, sex: Sex, place: &str) -> String {
    let mut code = surname_part(surname);
    code.push_str(&name_part(name));
    let day = i16::from(birth.day()) + if sex == Sex::Female { 40 } else { 0 };
    let month = char::from(MONTHS[usize::from(birth.month().unsigned_abs()) - 1]);
    code.push_str(&format!("{:02}{month}{day:02}{place}", birth.year().rem_euclid(100)));
    // A place that is not four plain characters gives no letter; the result then fails `verify`.
    let letter = check_letter(code.as_bytes()).map_or('?', char::from);
    code.push(letter);
    code
}

fn surname_part(surname: &str) -> String {
    let (consonants, vowels) = letters(surname);
    pad(consonants.into_iter().chain(vowels))
}

fn name_part(name: &str) -> String {
    let (mut consonants, vowels) = letters(name);
    if consonants.len() >= 4 {
        consonants.remove(1);
    }
    pad(consonants.into_iter().chain(vowels))
}

fn pad(letters: impl Iterator<Item = char>) -> String {
    letters.chain("XXX".chars()).take(3).collect()
}

/// Consonants and vowels of a name, each in their order, upper case, accents removed.
fn letters(text: &str) -> (Vec<char>, Vec<char>) {
    text.chars()
        .flat_map(char::to_uppercase)
        .map(plain)
        .filter(char::is_ascii_uppercase)
        .partition(|letter| !"AEIOU".contains(*letter))
}

fn plain(letter: char) -> char {
    match letter {
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' | 'Ø' => 'O',
        'Ù'..='Ü' => 'U',
        'Ý' => 'Y',
        'Š' => 'S',
        'Ž' => 'Z',
        'Č' | 'Ć' => 'C',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn names_give_their_letters() {
        let born = date(1980, 1, 1);
        assert_eq!(compose("Rossi", "Mario", born, Sex::Male, "H501"), "RSSMRA80A01H501U");
        assert!(compose("Fo", "Gianfranco", born, Sex::Male, "H501").starts_with("FOXGFR80A01H501"));
        assert!(compose("D'Amicò", "Ada", born, Sex::Female, "H501").starts_with("DMCDAA80A41H501"));
        assert!(compose("Aiello", "Io", born, Sex::Male, "Z100").starts_with("LLAIOX80A01Z100"));
    }

    #[test]
    fn a_strange_place_never_passes_for_a_code() {
        let code = compose("Rossi", "Mario", date(1980, 1, 1), Sex::Male, "h5");
        assert!(super::super::codice_fiscale::verify(&code).is_err());
    }
}
