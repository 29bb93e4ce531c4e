//! The file of discards and anomalies: which record, which code, why.
//!
//! Its format is not published. Read is a table with a heading: `tipo` (S discard, A anomaly),
//! `progressivo` (from 1, in the order of the file) or `idRec`, `codice`, `campo`, `descrizione`;
//! columns in any order, further ones ignored, divided by `;`, `~` or `,`.

use std::collections::HashMap;

use super::answers;
use crate::channel::courier::Parcel;
use crate::personal::Personal;

/// What is said of one record.
pub(super) struct Discard {
    pub part: usize,
    /// False for an anomaly: the record was taken all the same.
    pub refuses: bool,
    pub code: String,
    pub text: Option<Personal<String>>,
}

/// The key of each record of a file, in its order; `None` unless there is one for each operation.
pub(super) fn keys(parcel: &Parcel) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(parcel.bytes.expose()).ok()?;
    let pieces = text.split("<Id_Rec>").skip(1);
    let keys: Vec<&str> = pieces.filter_map(|piece| piece.split("</Id_Rec>").next()).collect();
    (keys.len() == parcel.parts.len() && !keys.is_empty()).then_some(keys)
}

/// Everything that the file says; `None` if it is no such table, or names what was not sent.
pub(super) fn read(file: &[u8], parcel: &Parcel) -> Option<Vec<Discard>> {
    let text = std::str::from_utf8(file).ok()?.trim_start_matches('\u{feff}');
    let keys = keys(parcel)?;
    let parts: HashMap<&str, usize> = keys.iter().enumerate().map(|(part, key)| (*key, part)).collect();
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let heading = lines.next()?;
    let divider = *[';', '~', ','].iter().find(|divider| heading.contains(**divider))?;
    let names: Vec<String> = heading.split(divider).map(|name| name.trim().to_lowercase()).collect();
    let column = |name: &str| names.iter().position(|known| known == name);
    let (kind, number, key) = (column("tipo"), column("progressivo"), column("idrec"));
    let (code, place, why) = (column("codice")?, column("campo"), column("descrizione"));
    lines
        .map(|line| {
            // The description is last and may hold the divider itself.
            let cells: Vec<&str> = line.splitn(names.len(), divider).map(str::trim).collect();
            let cell =
                |at: Option<usize>| at.and_then(|at| cells.get(at).copied()).filter(|cell| !cell.is_empty());
            let by_key = cell(key).and_then(|key| parts.get(key).copied());
            let by_number =
                || cell(number)?.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < keys.len());
            let part = match cell(key) {
                Some(_) => by_key?,
                None => by_number()?,
            };
            let said: Vec<&str> = [cell(place), cell(why)].into_iter().flatten().collect();
            let text = (!said.is_empty()).then(|| Personal::new(said.join(": ")));
            let refuses = !cell(kind).is_some_and(|kind| kind.eq_ignore_ascii_case("A"));
            Some(Discard { part, refuses, code: answers::word(cell(Some(code))?), text })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::courier::Carried;
    use crate::flow::OperationKind;

    fn parcel() -> Parcel {
        let bytes = b"<F><A><Id_Rec>k=1</Id_Rec></A><A><Id_Rec>k=2</Id_Rec></A></F>".to_vec();
        let part = |id: &str| Carried { id: id.to_owned(), kind: OperationKind::Insert };
        let parts = vec![part("1.1"), part("2.1")];
        Parcel { name: "n".to_owned(), bytes: Personal::new(bytes), parts, handle: None }
    }

    fn told(file: &str) -> Option<Vec<(usize, bool, String)>> {
        let discards = read(file.as_bytes(), &parcel())?;
        Some(discards.into_iter().map(|one| (one.part, one.refuses, one.code)).collect())
    }

    #[test]
    fn discards_are_read_by_key_or_by_number_whatever_the_columns() {
        let file = "tipo;progressivo;idRec;codice;campo;descrizione\nS;2;k=2;1003;Id_Rec;non c'è; manca il tracciato 1\n";
        assert_eq!(told(file), Some(vec![(1, true, "1003".to_owned())]));
        assert_eq!(told("Codice~Progressivo~Tipo\n77~1~A\n"), Some(vec![(0, false, "77".to_owned())]));
        assert_eq!(told("codice,idRec\n"), Some(vec![]));
    }

    #[test]
    fn what_is_no_table_or_not_ours_is_not_understood() {
        for file in
            ["", "nulla", "codice;idRec\n1;k=3\n", "codice;progressivo\n1;3\n", "codice;progressivo\n1;0\n"]
        {
            assert_eq!(told(file), None, "{file}");
        }
    }
}
