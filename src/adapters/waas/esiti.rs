//! `POST /esiti`: reads INPS's receipts tolerantly (SPEC and OAS disagree on names).
//!
//! A body that is not the OAS's `ElencoEsiti` is refused whole. An esito that only says something
//! unheard of is kept aside: INPS would repeat the batch for ever, and its neighbours with it.

use serde::Deserialize;

use crate::exchange::{Answer, Receipt};

/// OAS: `id_flusso` of a flow; kept of any other text that is stored in clear.
const LONGEST: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ElencoEsiti {
    #[serde(default)]
    elenco_esiti: Vec<EsitoFlusso>,
}

/// `EsitoFlusso`: extra properties are allowed by the OAS.
#[derive(Deserialize)]
struct EsitoFlusso {
    id_flusso: String,
    ts_flusso: String,
    ts_acquisizione: String,
    codice_esito: String,
    descrizione_esito: Option<String>,
    id_acquisizione_siuss: Option<serde_json::Value>,
    /// What the example of the SPEC calls it; both may be there.
    codice_siuss: Option<serde_json::Value>,
    /// Required by the OAS and of no use: the container knows its own kind.
    #[serde(rename = "tipo")]
    _tipo: String,
}

/// Reads a body; the error says in Italian what is wrong, without repeating it.
pub fn read(body: &[u8]) -> Result<Vec<Receipt>, String> {
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|error| {
        format!("Il corpo non è JSON valido (riga {}, colonna {}).", error.line(), error.column())
    })?;
    if !value.is_object() {
        return Err("Il corpo deve essere un oggetto con `elenco_esiti`.".into());
    }
    let elenco: ElencoEsiti = serde_json::from_value(value).map_err(|_| {
        "Il corpo non rispetta lo schema ElencoEsiti: campi obbligatori o tipi errati.".to_owned()
    })?;
    if elenco.elenco_esiti.len() > 100 {
        return Err("`elenco_esiti` contiene più di 100 esiti.".into());
    }
    elenco.elenco_esiti.into_iter().enumerate().map(|(index, esito)| receipt(index, esito)).collect()
}

fn receipt(index: usize, esito: EsitoFlusso) -> Result<Receipt, String> {
    let wrong = |what: &str| format!("Esito {}: {what}.", index + 1);
    let answer = match esito.codice_esito.as_str() {
        "OK" => Answer::Accepted,
        "DATI_NON_TROVATI" => Answer::NotFound,
        "RICHIESTA_INVALIDA" => Answer::Refused,
        "ERRORE_GENERICO" => Answer::Failed,
        _ => Answer::Unknown,
    };
    let timestamp = |text: &str, name: &str| {
        let parsed: Result<jiff::Timestamp, _> = text.parse();
        parsed.map(|at| at.as_millisecond()).map_err(|_| wrong(&format!("`{name}` non è un date-time")))
    };
    timestamp(&esito.ts_acquisizione, "ts_acquisizione")?;
    let ts_flusso = timestamp(&esito.ts_flusso, "ts_flusso")?;
    // No flow of ours has a longer id, so what is cut off cannot make it fit one.
    let foreign = esito.id_flusso.chars().count() > LONGEST;
    let acquired_as = esito.id_acquisizione_siuss.or(esito.codice_siuss).and_then(|id| match id {
        serde_json::Value::String(text) => Some(cut(&text)),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    Ok(Receipt {
        name: cut(&esito.id_flusso),
        timestamp: ts_flusso,
        answer: if foreign { Answer::Unknown } else { answer },
        code: word(esito.codice_esito),
        text: esito.descrizione_esito.map(String::into_bytes),
        acquired_as,
    })
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// The code as it came if it is a word; free text may carry personal values, and this is stored in clear.
fn word(code: String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if (1..=LONGEST).contains(&code.len()) && code.bytes().all(plain) { code } else { "(illeggibile)".into() }
}
