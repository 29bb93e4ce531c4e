//! INPS's own rules (SPEC §3 as the simulated INPS reads it), written apart from the gateway's.

use rust_decimal::Decimal;

use super::children;
use super::read::Flow;

/// The first thing wrong with a flow, in INPS's words; `None` = it may be acquired.
pub fn fault(flow: &Flow, kind: &str, name: &str) -> Option<String> {
    match (kind, flow.children) {
        ("PS_PSA_SINA", 0) => persons(flow, name),
        ("SINBA", 1..) => children::fault(flow, name),
        _ => Some("Il tipo del flusso non corrisponde al contenuto".into()),
    }
}

fn persons(flow: &Flow, name: &str) -> Option<String> {
    let structure = [
        (flow.persons != 1 || flow.services != 1)
            .then_some("In cooperazione è possibile inviare solo un beneficiario e una prestazione sociale"),
        (flow.name != name).then_some("Il Nome del flusso non coincide con id_flusso"),
        (flow.addresses == 0 || flow.addresses > 5).then_some("Numero di indirizzi non ammesso"),
        (!known_operation(flow)).then_some("TipoOperazione non ammesso"),
    ];
    structure
        .into_iter()
        .flatten()
        .next()
        .map(str::to_owned)
        .or_else(|| missing(flow))
        .or_else(|| content(flow))
}

fn known_operation(flow: &Flow) -> bool {
    matches!(flow.service("TipoOperazione"), None | Some("I" | "C"))
}

fn missing(flow: &Flow) -> Option<String> {
    let service = [
        "PresenzaProvaMezzi",
        "CaratterePrestazione",
        "CodicePrestazione",
        "DenominazionePrestazione",
        "ProtocolloDomanda",
        "PresaCarico",
    ];
    let person = ["Cognome", "Nome", "AnnoNascita", "LuogoNascita", "Genere", "CodiceCittadinanza"];
    let absent = service.iter().find(|name| flow.service(name).is_none());
    let absent = absent.or_else(|| person.iter().find(|name| flow.value("Anagrafica", name).is_none()));
    let dependent = match flow.service("CaratterePrestazione") {
        Some("1") => {
            ["DataInizioPrestazione", "ImportoMensile"].iter().find(|name| flow.service(name).is_none())
        }
        _ => ["DataErogazionePrestazione", "ImportoPrestazione"]
            .iter()
            .find(|name| flow.service(name).is_none()),
    };
    absent.or(dependent).map(|name| format!("{name} obbligatorio"))
}

fn content(flow: &Flow) -> Option<String> {
    let italian = |home: &std::collections::BTreeMap<String, String>| {
        home.get("CodiceNazione").is_some_and(|nation| nation == "380")
            && !(home.contains_key("CodiceRegione") && home.contains_key("CodiceComune"))
    };
    let year = |name: &str| flow.service(name).map(|date| date.chars().take(4).collect::<String>());
    let triple = ["NumeroProtocolloDSU", "AnnoProtocolloDSU", "DataDSU"];
    let given = triple.iter().filter(|name| flow.service(name).is_some()).count();
    let end = year("DataFinePrestazione");
    let wrong = [
        flow.homes.iter().any(italian).then_some("Regione e comune obbligatori per l'Italia"),
        (given != 0 && given != 3).then_some("Estremi della DSU incompleti"),
        (end.is_some() && end != year("DataInizioPrestazione"))
            .then_some("Inizio e fine della prestazione in anni diversi"),
        (flow.service("PresaCarico") == Some("1") && flow.service("AreaUtenza").is_none())
            .then_some("AreaUtenza obbligatoria con presa in carico"),
        (!shares_fit(flow)).then_some("La somma delle quote non corrisponde all'importo"),
    ];
    wrong.into_iter().flatten().next().map(str::to_owned)
}

fn shares_fit(flow: &Flow) -> bool {
    let amount = |name: &str| flow.service(name).map(|text| text.parse::<Decimal>().ok());
    let shares: Vec<_> = ["ImportoQuotaEnte", "ImportoQuotaUtente", "ImportoQuotaSSN"]
        .into_iter()
        .filter_map(amount)
        .collect();
    let whole = match flow.service("CaratterePrestazione") {
        Some("1") => amount("ImportoMensile"),
        _ => amount("ImportoPrestazione"),
    };
    let Some(Some(whole)) = whole else { return false };
    let sum: Option<Decimal> = shares.iter().copied().sum();
    whole > Decimal::ZERO && (shares.is_empty() || sum == Some(whole))
}
