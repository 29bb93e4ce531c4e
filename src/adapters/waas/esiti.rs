//! `POST /esiti`: reads INPS's receipts tolerantly (SPEC and OAS disagree on names), all or nothing.

use serde::Deserialize;

use crate::exchange::{Answer, Receipt};

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
    tipo: String,
    ts_flusso: String,
    ts_acquisizione: String,
    codice_esito: String,
    descrizione_esito: Option<String>,
    /// The example of the SPEC calls it `codice_siuss`.
    #[serde(alias = "codice_siuss")]
    id_acquisizione_siuss: Option<serde_json::Value>,
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
        _ => return Err(wrong("`codice_esito` non è fra i valori previsti")),
    };
    let timestamp = |text: &str, name: &str| {
        let parsed: Result<jiff::Timestamp, _> = text.parse();
        parsed.map(|at| at.as_millisecond()).map_err(|_| wrong(&format!("`{name}` non è un date-time")))
    };
    timestamp(&esito.ts_acquisizione, "ts_acquisizione")?;
    let ts_flusso = timestamp(&esito.ts_flusso, "ts_flusso")?;
    if esito.tipo.is_empty() || esito.tipo.len() > 64 || esito.id_flusso.len() > 64 {
        return Err(wrong("`tipo` o `id_flusso` di lunghezza non prevista"));
    }
    let acquired_as = esito.id_acquisizione_siuss.and_then(|id| match id {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    Ok(Receipt {
        name: esito.id_flusso,
        timestamp: ts_flusso,
        answer,
        code: esito.codice_esito,
        text: esito.descrizione_esito.map(String::into_bytes),
        acquired_as,
    })
}
