//! What is said of an answer, in both languages; never a value of it.

use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::schema::SchemaProblem;

const OURS: &str = "raccordo: inbound answers";

/// Places of schema problems told of one answer.
const MOST_TOLD: usize = 20;

fn finding(rule: &str, severity: Severity, verdict: Verdict, message: Text, hint: Text) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        folder_path: String::new(),
        payload_path: None,
        message,
        hint,
        verdict,
        source: OURS.to_owned(),
    }
}

pub(super) fn no_consent() -> Finding {
    Finding {
        folder_path: "/consensi_ricezione".to_owned(),
        ..finding(
            "consenso-ricezione-mancante",
            Severity::Withhold,
            Verdict::CorrectFolder,
            Text::new(
                "La persona non ha prestato un consenso, oggi in vigore, a che l'ente chieda i suoi dati a questo registro.",
                "The person has given no consent, in force today, to the ente asking this register for their data.",
            ),
            Text::new(
                "Raccogliere il consenso alla ricezione e annotarlo nella cartella; quello alla comunicazione non basta.",
                "Collect the consent to receiving and note it in the folder; the one to communication is not enough.",
            ),
        )
    }
}

pub(super) fn no_identifier() -> Finding {
    Finding {
        folder_path: "/persona/codice_fiscale".to_owned(),
        ..finding(
            "codice-fiscale-mancante",
            Severity::Withhold,
            Verdict::CorrectFolder,
            Text::new(
                "La cartella non ha un codice fiscale: il registro non si può interrogare.",
                "The folder has no codice fiscale: the register can't be asked.",
            ),
            Text::new("Completare l'anagrafica.", "Complete the person's data."),
        )
    }
}

pub(super) fn nothing() -> Finding {
    finding(
        "risposta-nessun-dato",
        Severity::Warn,
        Verdict::Wait,
        Text::new("Il registro non conosce la persona.", "The register does not know the person."),
        Text::new(
            "Se la persona dice altrimenti, chiedere al registro.",
            "If the person says otherwise, ask the register.",
        ),
    )
}

pub(super) fn limit() -> Finding {
    finding(
        "risposta-limite",
        Severity::Withhold,
        Verdict::Wait,
        Text::new(
            "Il registro ha superato il limite di interrogazioni.",
            "The register's limit of questions is exceeded.",
        ),
        Text::new("Si chiede di nuovo da sé, più tardi.", "It is asked again by itself, later."),
    )
}

pub(super) fn unreadable() -> Finding {
    finding(
        "risposta-illeggibile",
        Severity::Withhold,
        Verdict::AskRecipient,
        Text::new(
            "La risposta non si può leggere; è conservata sigillata.",
            "The answer can't be read; it is kept sealed.",
        ),
        Text::new("Segnalarlo al registro.", "Tell the register."),
    )
}

pub(super) fn nobody(place: String) -> Finding {
    Finding {
        payload_path: Some(place),
        ..finding(
            "risposta-senza-persona",
            Severity::Withhold,
            Verdict::AskRecipient,
            Text::new(
                "La risposta non dice di quale persona parla: nulla ne viene preso.",
                "The answer does not say of whom it speaks: nothing of it is taken.",
            ),
            Text::new("Segnalarlo al registro.", "Tell the register."),
        )
    }
}

pub(super) fn other_person(place: String) -> Finding {
    Finding {
        payload_path: Some(place),
        ..finding(
            "risposta-altra-persona",
            Severity::Withhold,
            Verdict::AskRecipient,
            Text::new(
                "La risposta parla di un'altra persona: nulla ne viene preso.",
                "The answer speaks of another person: nothing of it is taken.",
            ),
            Text::new(
                "Verificare il codice fiscale della cartella; poi segnalarlo al registro.",
                "Check the folder's codice fiscale; then tell the register.",
            ),
        )
    }
}

/// Departures from the answer's schema: told, and read as far as it goes.
pub(super) fn schema(problems: &[SchemaProblem]) -> Vec<Finding> {
    let told = problems.iter().take(MOST_TOLD).map(|problem| Finding {
        payload_path: Some(problem.path.clone()),
        ..finding(
            "risposta-schema",
            Severity::Warn,
            Verdict::CorrectMapping,
            Text::new(
                "La risposta non è come lo schema la descrive; si legge ciò che si può.",
                "The answer is not as its schema describes it; what can be read is read.",
            ),
            Text::new(
                "Confrontare lo schema con ciò che il registro invia.",
                "Compare the schema with what the register sends.",
            ),
        )
    });
    told.collect()
}

pub(super) fn unknown_code(place: String, folder: &str) -> Finding {
    at(
        place,
        folder,
        finding(
            "codice-sconosciuto",
            Severity::Warn,
            Verdict::CorrectMapping,
            Text::new(
                "La tabella dei codici non conosce il codice della risposta: per questo campo non si propone nulla.",
                "The code table does not know the answer's code: nothing is proposed for this field.",
            ),
            Text::new("Aggiungere la riga alla tabella.", "Add the line to the table."),
        ),
    )
}

pub(super) fn misfit(place: String, folder: &str) -> Finding {
    at(
        place,
        folder,
        finding(
            "valore-non-ammesso",
            Severity::Warn,
            Verdict::AskRecipient,
            Text::new(
                "Il valore della risposta non va nel campo della cartella: non si propone nulla.",
                "The answer's value does not fit the folder's field: nothing is proposed.",
            ),
            Text::new("Verificare il dato con il registro.", "Check the value with the register."),
        ),
    )
}

pub(super) fn keyless(place: String, folder: &str) -> Finding {
    at(
        place,
        folder,
        finding(
            "voce-senza-chiave",
            Severity::Warn,
            Verdict::AskRecipient,
            Text::new(
                "La voce non ha ciò che la distingue dalle altre: non si propone.",
                "The entry lacks what tells it apart from others: it is not proposed.",
            ),
            Text::new("Segnalarlo al registro.", "Tell the register."),
        ),
    )
}

pub(super) fn incomplete(place: String, folder: &str) -> Finding {
    at(
        place,
        folder,
        finding(
            "voce-incompleta",
            Severity::Warn,
            Verdict::AskRecipient,
            Text::new(
                "Alla voce manca ciò che la cartella richiede: non si propone.",
                "The entry lacks what the folder requires: it is not proposed.",
            ),
            Text::new("Verificare il dato con il registro.", "Check the entry with the register."),
        ),
    )
}

pub(super) fn doubled(place: String, folder: &str) -> Finding {
    at(
        place,
        folder,
        finding(
            "voce-doppia",
            Severity::Warn,
            Verdict::AskRecipient,
            Text::new(
                "La risposta ha due voci con la stessa chiave: vale la prima.",
                "The answer has two entries of one key: the first counts.",
            ),
            Text::new("Segnalarlo al registro.", "Tell the register."),
        ),
    )
}

pub(super) fn unconfirmed(folder: String) -> Finding {
    Finding {
        folder_path: folder,
        ..finding(
            "voce-non-confermata",
            Severity::Warn,
            Verdict::AskRecipient,
            Text::new(
                "La cartella ha una voce che la risposta non nomina: resta com'è.",
                "The folder has an entry that the answer does not name: it stays as it is.",
            ),
            Text::new(
                "Se non vale più, toglierla dalla cartella.",
                "If it no longer holds, take it out of the folder.",
            ),
        )
    }
}

fn at(place: String, folder: &str, finding: Finding) -> Finding {
    Finding { payload_path: Some(place), folder_path: folder.to_owned(), ..finding }
}
