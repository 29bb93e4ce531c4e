//! A stored folder as a case of somebody who does not exist: every personal value is replaced, what
//! rules and mappings look at keeps its form.

use serde_json::Value;

use crate::folder::FolderSchema;
use crate::folder::labels::place;
use crate::folder::mask::Masking;
use crate::sandbox::people;

/// The folder with another person in it. `seed` chooses who; nothing leads back.
pub fn pseudonymised(folders: &FolderSchema, body: &Value, seed: u64, today: jiff::civil::Date) -> Value {
    let ente = body.get("ente").and_then(Value::as_str).unwrap_or_default();
    // Somebody of another name: few names are as frequent as that.
    let name = |folder: &Value| folder.pointer("/persona/cognome").cloned();
    let mut made = people::generate(50, seed, 0.0, &[ente], today).map(|made| made.folder);
    let stranger = made.find(|folder| name(folder) != name(body)).unwrap_or_default();
    let mut copy = body.clone();
    let masking = Masking::new(folders.schema());
    let strange = Strange { folders, masking, stranger: &stranger };
    strange.replace(&mut String::new(), &mut copy);
    if let Some(id) = copy.get_mut("id") {
        *id = Value::from("CASO");
    }
    copy
}

struct Strange<'s> {
    folders: &'s FolderSchema,
    masking: Masking<'s>,
    stranger: &'s Value,
}

impl Strange<'_> {
    fn replace(&self, pointer: &mut String, value: &mut Value) {
        let length = pointer.len();
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    pointer.push('/');
                    pointer.push_str(name);
                    self.replace(pointer, member);
                    pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    pointer.push_str(&format!("/{index}"));
                    self.replace(pointer, item);
                    pointer.truncate(length);
                }
            }
            Value::String(text) if self.masking.is_personal(pointer) && !self.is_code(pointer) => {
                let theirs = self.stranger.pointer(pointer).and_then(Value::as_str);
                *text = theirs.map_or_else(|| unlike(text), str::to_owned);
            }
            _ => {}
        }
    }

    /// One of a few words that the schema lists: it describes, and names nobody.
    fn is_code(&self, pointer: &str) -> bool {
        place(self.folders.schema(), pointer).is_some_and(|schema| schema.get("enum").is_some())
    }
}

/// A text of the same form: letters and digits stay such, a date becomes the first of its year.
fn unlike(text: &str) -> String {
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return format!("{:04}-01-01", date.year());
    }
    let other = |letter: char| match letter {
        'a'..='z' => 'x',
        'A'..='Z' => 'X',
        '0'..='9' => '1',
        letter if letter.is_alphanumeric() => 'x',
        letter => letter,
    };
    text.chars().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_of_the_folder_stays() {
        let today = jiff::civil::date(2026, 3, 1);
        let folders = FolderSchema::embedded().unwrap();
        let made = people::generate(40, 7, 0.1, &["H501"], today);
        for (seed, made) in (100..).zip(made) {
            let copy = pseudonymised(&folders, &made.folder, seed, today);
            let person = &made.folder["persona"];
            let text = copy.to_string();
            for field in ["codice_fiscale", "cognome"] {
                let Some(value) = person[field].as_str() else { continue };
                assert!(!text.contains(value) || value.len() < 4, "{field}");
            }
            // The same day may be that of an act, which stays.
            let (born, theirs) = (&person["data_nascita"], &copy["persona"]["data_nascita"]);
            assert!(born != theirs || born.is_null(), "{born}");
            assert_eq!(copy["interventi"][0]["codice"], made.folder["interventi"][0]["codice"]);
        }
        assert_eq!(unlike("Via Roma 1, 1980"), "Xxx Xxxx 1, 1111");
        assert_eq!(unlike("1980-05-06"), "1980-01-01");
    }
}
