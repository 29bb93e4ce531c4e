//! INPS's own rules for SINBA (XSD and SPEC §4 as the simulated INPS reads them), written apart from
//! the gateway's: attributes that must be there, their codes, and nobody's identity.

use super::read::Flow;

/// Attributes with the highest code that they take; those that must be there first.
const REQUIRED: &[(&str, u32)] = &[
    ("MinoreStranieroNoAcc", 2),
    ("CondizioneMinore", 5),
    ("LuogoVita", 8),
    ("ScuolaFrequentata", 8),
    ("CondizioneLavoro", 4),
    ("Disabilita", 2),
    ("FonteSegnalazione", 14),
    ("ValutazioneMinore", 13),
    ("ValutazioneFamigliaMinore", 13),
    ("SegnalazioneAutoritaGiudiziaria", 2),
    ("ProvvedimentoGiudiziario", 2),
    ("FasciaEtaBeneficiario", 6),
];
const OPTIONAL: &[(&str, u32)] = &[
    ("TipoDisabilita", 4),
    ("InvCivCertificazioni", 5),
    ("TitoloStudioPadre", 6),
    ("TitoloStudioMadre", 6),
    ("OccupazionePadre", 8),
    ("OccupazioneMadre", 8),
    ("AutoritaProvvedimento", 4),
    ("PotestaTutela", 5),
    ("TipoProvvedimentoGiudiziario", 8),
    ("FormaInterventoAffido", 2),
    ("TipoInterventoAffido", 2),
    ("DurataAffido", 2),
    ("CarattereAffido", 2),
    ("EsitoAffido", 9),
    ("CarattereInserimentoResidenziale", 10),
    ("FormaInserimentoResidenziale", 2),
    ("TipoInserimentoResidenziale", 2),
    ("EsitoInserimentoStruttura", 9),
    ("MotivazioneChiusuraCarico", 9),
    ("SituazioneChiusuraCarico", 8),
    ("CollaborazioniInterventi", 9),
    ("NumeroComponentiISEE", 9),
    ("FasciaISEEBeneficiario", 8),
];

/// The first thing wrong with a SINBA, in INPS's words; `None` = it may be acquired.
pub fn fault(flow: &Flow, name: &str) -> Option<String> {
    let structure = [
        (flow.children != 1 || flow.codes.len() != 1)
            .then_some("In cooperazione è possibile inviare solo un beneficiario e una prestazione sociale"),
        (flow.persons + flow.services > 0)
            .then_some("Un SINBA non porta beneficiari né prestazioni di persone"),
        (flow.name != name || name.split('.').nth(1) != Some("SINBA"))
            .then_some("Il Nome del flusso non coincide con id_flusso"),
        (flow.relatives == 0).then_some("Famiglia obbligatoria"),
        names_somebody(flow).then_some("Il SINBA è privo di ogni riferimento alla persona"),
    ];
    let structure = structure.into_iter().flatten().next().map(str::to_owned);
    structure.or_else(|| codes(flow)).or_else(|| values(flow))
}

/// An attribute of the one child.
fn child<'f>(flow: &'f Flow, attribute: &str) -> Option<&'f str> {
    flow.value("SINBA", attribute)
}

fn codes(flow: &Flow) -> Option<String> {
    let fits = |text: &str, most: u32| {
        !text.starts_with('0') && text.parse::<u32>().is_ok_and(|code| (1..=most).contains(&code))
    };
    let absent = REQUIRED.iter().find(|(name, _)| child(flow, name).is_none());
    let absent = absent.map(|(name, _)| format!("{name} obbligatorio"));
    let mut all = REQUIRED.iter().chain(OPTIONAL);
    absent.or_else(|| {
        let wrong = all.find(|(name, most)| child(flow, name).is_some_and(|text| !fits(text, *most)));
        wrong.map(|(name, _)| format!("{name} non ammesso"))
    })
}

fn values(flow: &Flow) -> Option<String> {
    let digits =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let month = |name: &str| child(flow, name).is_none_or(is_month);
    let number = |name: &str, length: usize| child(flow, name).is_none_or(|text| digits(text, length));
    let italian = child(flow, "CodiceNazioneResidenza") == Some("380");
    let wrong = [
        (!child(flow, "IDBeneficiario").is_some_and(|id| (1..=20).contains(&id.chars().count())))
            .then_some("IDBeneficiario non ammesso"),
        (child(flow, "DataPrimaSegnalazione").is_none()).then_some("DataPrimaSegnalazione obbligatoria"),
        (!["DataPrimaSegnalazione", "DataSegnalazione", "DataProvvedimentoGiudiziario"]
            .into_iter()
            .all(month))
        .then_some("Le date hanno la forma MM/AAAA"),
        (!child(flow, "AnnoNascita").is_some_and(|year| digits(year, 4)))
            .then_some("AnnoNascita obbligatorio"),
        (!child(flow, "CodiceNazioneResidenza").is_some_and(|nation| digits(nation, 3)))
            .then_some("CodiceNazioneResidenza obbligatorio"),
        (italian && child(flow, "CodiceRegioneResidenza").is_none())
            .then_some("CodiceRegioneResidenza obbligatorio per l'Italia"),
        (!["CodiceRegioneResidenza", "CodiceRegioneResidenzaPadre", "CodiceRegioneResidenzaMadre"]
            .into_iter()
            .all(|name| number(name, 2)))
        .then_some("Regione non ammessa"),
        (!["CodiceCittadinanzaPadre", "CodiceCittadinanzaMadre"].into_iter().all(|name| number(name, 3)))
            .then_some("Cittadinanza non ammessa"),
    ];
    wrong.into_iter().flatten().next().map(str::to_owned)
}

fn is_month(text: &str) -> bool {
    let Some((month, year)) = text.split_once('/') else { return false };
    let month_fits = month.len() == 2 && month.parse().is_ok_and(|month: u8| (1..=12).contains(&month));
    month_fits && year.len() == 4 && year.parse().is_ok_and(|year: u16| (1900..2100).contains(&year))
}

/// Whether something of the child looks like a codice fiscale, or is an attribute of persons.
fn names_somebody(flow: &Flow) -> bool {
    let coded = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() == 16
            && bytes[..6].iter().all(u8::is_ascii_alphabetic)
            && bytes[6].is_ascii_alphanumeric()
            && bytes[15].is_ascii_alphabetic()
            && bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2
    };
    flow.of("SINBA").any(|(name, value)| {
        coded(value)
            || matches!(name, "CodiceFiscale" | "Cognome" | "Nome" | "CodiceComune" | "ProtocolloDomanda")
    })
}
