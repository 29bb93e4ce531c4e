//! The ledger's words as people say them.

use super::frame::say;
use crate::folder::finding::Verdict;
use crate::web::Language;

/// The ledger's word, Italian, English, and the tint of its badge.
const WORDS: &[(&str, &str, &str, &str)] = &[
    ("unchanged", "già aggiornati", "up to date", "secondary"),
    ("set_aside", "accantonati", "set aside", "warning"),
    ("held", "da approvare", "to approve", "warning"),
    ("queued", "in coda", "queued", "primary"),
    ("sending", "in partenza", "sending", "primary"),
    ("retrying", "da ritentare", "to retry", "warning"),
    ("waiting", "in attesa di esito", "awaiting receipt", "primary"),
    ("uncertain", "esito incerto", "outcome unknown", "danger"),
    ("parked", "decide una persona", "a person decides", "danger"),
    ("superseded", "superati", "superseded", "secondary"),
    ("accepted", "accettati", "accepted", "success"),
    ("refused", "rifiutati", "refused", "danger"),
    ("insert", "inserimento", "insert", "secondary"),
    ("replace", "sostituzione", "replace", "secondary"),
    ("cancel", "cancellazione", "cancel", "secondary"),
    ("out", "offerto", "offered", "primary"),
    ("asking", "da chiedere", "to ask", "warning"),
    ("settled", "concluso", "settled", "success"),
    ("withdrawn", "ritirato", "withdrawn", "secondary"),
    ("present", "da far sapere", "to be known", "primary"),
    ("annulled", "annullato", "annulled", "secondary"),
    ("changed", "cambiato", "changed", "secondary"),
    ("complete", "periodo completo", "period complete", "secondary"),
    ("vanished", "scomparso", "vanished", "warning"),
    ("nothing", "niente", "nothing", "secondary"),
    ("report", "rendicontazione", "report", "secondary"),
    ("sync", "una cartella", "one folder", "secondary"),
    ("replay", "ripetizione", "replay", "secondary"),
    ("offer", "offerta (il destinatario interroga)", "offered (the recipient polls)", "secondary"),
    ("file", "file da caricare", "file for upload", "secondary"),
    ("push", "invio diretto", "pushed", "secondary"),
    ("inquiry", "interrogazione", "inquiry", "secondary"),
    ("selected", "scelta da una rendicontazione", "selected by a report", "secondary"),
    ("offered", "offerta al destinatario", "offered to the recipient", "secondary"),
    ("receipt: accepted", "esito: accettata", "receipt: accepted", "secondary"),
    ("receipt: refused", "esito: rifiutata", "receipt: refused", "secondary"),
    ("receipt: notfound", "esito: dati non trovati", "receipt: data not found", "secondary"),
    ("receipt: failed", "esito: errore del destinatario", "receipt: the recipient failed", "secondary"),
    ("in_time", "in tempo", "in time", "success"),
    ("late", "in ritardo", "late", "danger"),
    ("needs_person", "serve una persona", "needs a person", "warning"),
    ("unknown", "non si sa", "not known", "secondary"),
    ("foreign", "di altri", "of others", "warning"),
    ("contradiction", "contraddice ciò che si sa", "contradicts what is known", "danger"),
    ("duplicate", "già arrivato", "came before", "secondary"),
];

/// A word of the ledger for people; itself where nobody says it otherwise.
pub fn word(language: Language, word: &str) -> String {
    let known = WORDS.iter().find(|(known, ..)| *known == word);
    known.map_or_else(|| word.to_owned(), |(_, it, en, _)| say(language, it, en).to_owned())
}

/// The tint of a word's badge, as the design system calls it.
pub fn tint(word: &str) -> &'static str {
    WORDS.iter().find(|(known, ..)| *known == word).map_or("secondary", |(.., tint)| tint)
}

/// Who can mend it.
pub fn who(language: Language, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::CorrectFolder => say(language, "chi cura la cartella", "whoever keeps the folder"),
        Verdict::CorrectMapping => say(language, "chi cura il tracciato", "whoever maintains the mapping"),
        Verdict::Wait => say(language, "nessuno: si attende", "nobody: wait"),
        Verdict::AskRecipient => say(language, "il destinatario", "the recipient"),
    }
}

/// Why somebody looks at a person's data: no free text, which would end up in the journal.
pub const REASONS: &[(&str, &str, &str)] = &[
    ("correzione", "correggere la cartella", "to correct the folder"),
    ("rifiuto", "capire un rifiuto del destinatario", "to understand a recipient's refusal"),
    ("interessato", "risponde a una richiesta dell’interessato", "the person concerned has asked"),
    (
        "verifica",
        "verifica interna o del responsabile della protezione dei dati",
        "internal or data protection audit",
    ),
    ("assistenza", "assistenza su un guasto", "support after a fault"),
];

/// The reason, if it is one of them.
pub fn reason(code: &str) -> Option<&'static str> {
    REASONS.iter().find(|(known, ..)| *known == code).map(|(known, ..)| *known)
}
