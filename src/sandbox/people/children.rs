//! A child in charge of the service: the case that goes to the register of children and families.

use jiff::ToSpan;
use serde_json::{Map, Value, json};

use super::person::Subject;
use super::places::{COMUNI, STATES};
use super::prng::Prng;
use super::services::Profile;

/// Codes of what a Comune does for a child in charge.
const BENEFITS: [&str; 6] = ["A1.22", "A2.11", "A2.24", "A2.28", "A3.03", "A3.05"];

/// Days back from today within which cases begin.
const OLDEST_DAYS: i64 = 1200;

/// Adds the case of a child whom the professional social service has in charge.
pub fn add(prng: &mut Prng, subject: &Subject, folder: &mut Map<String, Value>) {
    if subject.profile != Profile::Child || !subject.in_charge {
        return;
    }
    let day = subject.today.saturating_sub(prng.between(30, OLDEST_DAYS).days()).max(subject.born);
    let first_report = day.saturating_sub(prng.between(0, 90).days()).max(subject.born);
    let mut case = json!({
        "id": format!("CASO-{:07}", subject.index),
        "dal": day.to_string(),
        "prestazioni": benefits(prng),
        "straniero_non_accompagnato": "no",
        "condizione": *prng.pick(&["non_orfano", "non_orfano", "non_orfano", "orfano_padre", "orfano_madre"]),
        "luogo_vita": *prng.pick(&["sua_famiglia", "sua_famiglia", "parenti", "famiglia_affidataria", "struttura_sociale"]),
        "scuola": school(day.year() - subject.born.year()),
        "lavoro": "inattivo",
        "disabilita": "no",
        "famiglia": family(prng),
        "prima_segnalazione": first_report.to_string(),
        "fonte_segnalazione": *prng.pick(&["scuola", "servizi_sanitari", "forze_ordine", "autorita_giudiziarie_minorili", "familiari_conviventi"]),
        "valutazione_minore": *prng.pick(&["nessuna_problematica", "relazionali_comportamentali", "presunto_abbandono", "abbandono_scolastico"]),
        "valutazione_famiglia": *prng.pick(&["nessuna_problematica", "fragilita_genitoriale", "grave_conflittualita", "difficolta_economiche", "difficolta_abitative"]),
        "segnalazione_autorita": "no",
        "provvedimento": "no",
    });
    for parent in ["padre", "madre"] {
        if prng.chance(70) {
            case[parent] = parents(prng);
        }
    }
    if prng.chance(30) {
        court(prng, subject, &mut case, day);
    }
    if prng.chance(20) {
        close(prng, subject, &mut case, day);
    }
    folder.insert("casi_minore".to_owned(), json!([case]));
}

fn benefits(prng: &mut Prng) -> Value {
    let first = prng.between(0, 4) as usize;
    json!(BENEFITS[first..=first + prng.between(0, 1) as usize])
}

fn family(prng: &mut Prng) -> Value {
    json!(*prng.pick(&[
        &["madre", "padre"][..],
        &["madre", "padre", "fratelli_sorelle"],
        &["madre"],
        &["madre", "compagno_genitore"],
        &["nonni", "fratelli_sorelle"],
    ]))
}

fn school(age: i16) -> &'static str {
    match age {
        ..3 => "nido",
        3..6 => "infanzia",
        6..11 => "primaria",
        11..14 => "secondaria_primo_grado",
        _ => "secondaria_secondo_grado",
    }
}

fn parents(prng: &mut Prng) -> Value {
    let state = if prng.chance(70) { "380" } else { prng.pick(&STATES).iso };
    json!({
        "cittadinanza": state,
        "comune": prng.pick(&COMUNI).istat,
        "titolo_studio": *prng.pick(&["licenza_elementare", "licenza_media", "diploma", "laurea"]),
        "occupazione": *prng.pick(&["occupato", "disoccupato", "casalingo", "altra_condizione"]),
    })
}

/// The court knows of the case, and has entrusted the child to the service or to a family.
fn court(prng: &mut Prng, subject: &Subject, case: &mut Value, day: jiff::civil::Date) {
    let told = day.saturating_add(prng.between(1, 20).days()).min(subject.today);
    let ordered = told.saturating_add(prng.between(1, 60).days()).min(subject.today);
    case["segnalazione_autorita"] = json!("si");
    case["data_segnalazione_autorita"] = json!(told.to_string());
    case["provvedimento"] = json!("si");
    case["data_provvedimento"] = json!(ordered.to_string());
    case["autorita_provvedimento"] = json!("tribunale_minori");
    let fostered = prng.chance(50);
    case["tipo_provvedimento"] =
        json!(if fostered { "affidamento_familiare" } else { "affido_servizio_sociale" });
    if fostered {
        case["luogo_vita"] = json!("famiglia_affidataria");
        case["affido"] = json!({
            "forma": "giudiziario",
            "tipo": *prng.pick(&["intrafamiliare", "eterofamiliare"]),
            "durata": *prng.pick(&["tempo_pieno", "tempo_parziale"]),
        });
    }
}

fn close(prng: &mut Prng, subject: &Subject, case: &mut Value, day: jiff::civil::Date) {
    // Well after whatever the court did.
    let end = day.saturating_add(prng.between(90, 400).days()).min(subject.today);
    case["al"] = json!(end.to_string());
    case["chiusura"] = json!({
        "motivo": *prng.pick(&["bisogno_risolto", "altro_ambito_stessa_regione", "richiesta_minore_famiglia"]),
        "situazione": "famiglia_origine",
    });
}
