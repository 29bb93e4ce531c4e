//! Who the person is: names, birth, codice fiscale. No two of one generation are the same.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::names::{FEMALE, MALE, SURNAMES};
use super::places::{COMUNI, STATES};
use super::prng::Prng;
use super::services::Profile;
use crate::folder::codice_fiscale::{DIGIT_POSITIONS, Sex, with_omocodia};
use crate::folder::compose::compose;

/// Days of the month, places, surnames and first names give this many different persons.
const PERSONS: u64 =
    28 * (COMUNI.len() + STATES.len()) as u64 * SURNAMES.len() as u64 * (MALE.len() + FEMALE.len()) as u64;

/// A large prime, so that neighbours in the generation have nothing in common.
const STEP: u64 = 15_485_863;

/// What the rest of the folder needs to know of its person.
pub struct Subject {
    pub index: u64,
    pub today: Date,
    pub profile: Profile,
    pub born: Date,
    /// Whether the professional social service has taken charge.
    pub in_charge: bool,
}

/// Draws the person number `index`; a wished profile overrides the drawn one.
pub fn draw(prng: &mut Prng, seed: u64, index: u64, today: Date, wish: Option<Profile>) -> (Subject, Value) {
    let drawn = *prng.pick(&[
        Profile::Child,
        Profile::Poverty,
        Profile::Poverty,
        Profile::Elderly,
        Profile::Disabled,
    ]);
    let profile = wish.unwrap_or(drawn);
    let in_charge = profile == Profile::Disabled || prng.chance(50);
    let traits = Traits::of(index.wrapping_mul(STEP).wrapping_add(seed % PERSONS) % PERSONS);
    let born = birth(prng, today, profile, traits.day);
    let subject = Subject { index, today, profile, born, in_charge };
    let person = describe(prng, &subject, &traits);
    (subject, person)
}

/// The part of a person that is different for each number below [`PERSONS`].
struct Traits {
    day: i8,
    surname: &'static str,
    name: &'static str,
    sex: Sex,
    birthplace: &'static str,
    citizenship: &'static str,
}

impl Traits {
    fn of(number: u64) -> Self {
        let mut rest = number;
        let mut digit = |base: usize| {
            let digit = (rest % base as u64) as usize;
            rest /= base as u64;
            digit
        };
        let (day, place) = (digit(28) as i8 + 1, digit(COMUNI.len() + STATES.len()));
        let (surname, name) = (SURNAMES[digit(SURNAMES.len())], digit(MALE.len() + FEMALE.len()));
        let (sex, name) = match name.checked_sub(MALE.len()) {
            Some(female) => (Sex::Female, FEMALE[female]),
            None => (Sex::Male, MALE[name]),
        };
        let (birthplace, citizenship) = match place.checked_sub(COMUNI.len()) {
            Some(state) => (STATES[state].birthplace, STATES[state].iso),
            None => (COMUNI[place].belfiore, "380"),
        };
        Self { day, surname, name, sex, birthplace, citizenship }
    }
}

fn birth(prng: &mut Prng, today: Date, profile: Profile, day: i8) -> Date {
    let (youngest, oldest) = match profile {
        Profile::Child => (5, 16),
        Profile::Poverty => (23, 64),
        Profile::Elderly => (68, 97),
        Profile::Disabled => (19, 70),
    };
    let year = today.year() - prng.between(youngest, oldest) as i16;
    Date::new(year, prng.between(1, 12) as i8, day).unwrap_or(today)
}

fn describe(prng: &mut Prng, subject: &Subject, traits: &Traits) -> Value {
    let mut person = Map::new();
    let mut put = |field: &str, value: &str| person.insert(field.to_owned(), json!(value));
    put("cognome", traits.surname);
    put("nome", traits.name);
    put("data_nascita", &subject.born.to_string());
    put("luogo_nascita", traits.birthplace);
    put("genere", if traits.sex == Sex::Female { "F" } else { "M" });
    put("cittadinanza", traits.citizenship);
    if traits.citizenship != "380" && prng.chance(15) {
        put("seconda_cittadinanza", "380");
    }
    let plain = compose(traits.surname, traits.name, subject.born, traits.sex, traits.birthplace);
    let level = if prng.chance(2) { prng.between(1, 3) as usize } else { 0 };
    put("codice_fiscale", &omocodia(&plain, level));
    if prng.chance(30) {
        put("id_anpr", &anpr(subject.index));
    }
    Value::Object(person)
}

/// The codice fiscale with its last `level` digits replaced, the place's first.
pub fn omocodia(code: &str, level: usize) -> String {
    let positions: Vec<usize> = DIGIT_POSITIONS.iter().rev().take(level).copied().collect();
    with_omocodia(code, &positions).unwrap_or_else(|| code.to_owned())
}

/// Two letters, five digits, two letters: different for each index.
pub fn anpr(index: u64) -> String {
    let letter = |power: u32| char::from(b'A' + (index / 100_000 / 26u64.pow(power) % 26) as u8);
    format!("{}{}{:05}{}{}", letter(3), letter(2), index % 100_000, letter(1), letter(0))
}
