//! Home care: takings in charge with assessment, visits, and what else happens in them.

use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};

use super::person::Subject;
use super::prng::Prng;
use super::services::Profile;

/// Region and ASL of an ente: of the right shape, of nobody in particular.
const PLACES: [(&str, &str, &str); 3] = [("H501", "120", "201"), ("F205", "030", "321"), ("", "180", "203")];

const NEEDS: [&str; 21] = [
    "drenaggio_posturale",
    "ossigenoterapia",
    "ventiloterapia",
    "tracheostomia",
    "alimentazione_assistita",
    "alimentazione_enterale",
    "alimentazione_parenterale",
    "gestione_stomia",
    "eliminazione",
    "sonno_veglia",
    "educazione_terapeutica",
    "lesioni_cute",
    "ulcere_primo_secondo",
    "ulcere_terzo_quarto",
    "prelievi_venosi",
    "ecg",
    "telemetria",
    "terapia_iniettiva",
    "gestione_catetere",
    "trasfusioni",
    "controllo_dolore",
];

const HELP: [&str; 7] = [
    "trattamento_neurologico",
    "trattamento_motorio",
    "trattamento_mantenimento",
    "supervisione_continua",
    "assistenza_iadl",
    "assistenza_adl",
    "supporto_caregiver",
];

/// Many of the old and of the disabled are cared for at home.
pub fn add(prng: &mut Prng, subject: &Subject, ente: &str, folder: &mut Map<String, Value>) {
    let share = match subject.profile {
        Profile::Elderly => 60,
        Profile::Disabled => 40,
        Profile::Child | Profile::Poverty => return,
    };
    if prng.chance(share) && lives_here(folder) {
        folder.insert("assistenza_domiciliare".to_owned(), json!([taken(prng, subject, ente)]));
    }
}

fn lives_here(folder: &Map<String, Value>) -> bool {
    let all = folder.get("residenze").and_then(Value::as_array);
    all.is_some_and(|all| all.iter().all(|one| one.get("comune").is_some()))
}

fn taken(prng: &mut Prng, subject: &Subject, ente: &str) -> Value {
    let (_, region, asl) = PLACES.iter().find(|(code, ..)| *code == ente).unwrap_or(&PLACES[2]);
    let begin = subject.today.saturating_sub(prng.between(100, 360).days());
    let day = |after: i64| begin.saturating_add(after.days());
    let visits: Vec<Value> = (0..prng.between(3, 8)).map(|number| visit(prng, day(2 + number * 7))).collect();
    let mut care = json!({
        "id": "AD-1", "stato": "attiva", "dal": begin.to_string(), "regione": region, "asl": asl,
        "richiedente": prng.pick(&["servizi_sociali", "medico_base", "ospedale", "dimissione_protetta", "utente_o_familiari"]),
        "tipologia": "cure_domiciliari",
        "stato_civile": prng.pick(&["celibe_nubile", "coniugato", "vedovo", "non_dichiarato"]),
        "residenza": { "regione": region, "asl": asl },
        "familiari_conviventi": prng.between(0, 4),
        "assistente_convivente": prng.pick(&["presente", "assente"]),
        "valutazione": assessment(prng, Some(begin)),
        "accessi": visits,
    });
    if prng.chance(25) {
        care["sospensioni"] = json!([{
            "dal": day(62).to_string(), "al": day(70).to_string(), "motivo": "ricovero_ospedale",
        }]);
    }
    if prng.chance(35) {
        care["rivalutazioni"] = again(prng, day(80));
    }
    if prng.chance(20) {
        care["stato"] = json!("conclusa");
        care["conclusione"] = json!({ "data": day(95).to_string(), "motivo": "altro" });
    }
    care
}

fn visit(prng: &mut Prng, day: Date) -> Value {
    let (who, what) = *prng.pick(&[
        ("infermiere", "terapie_iniettive"),
        ("infermiere", "medicazioni_semplici"),
        ("mmg", "visita"),
        ("fisioterapista", "rieducazione_motoria"),
        ("oss", "igiene_mobilizzazione"),
        ("assistente_sociale", "educazione"),
    ]);
    json!({ "data": day.to_string(), "tipo": "programmato", "operatore": who, "prestazioni": [{ "tipo": what }] })
}

fn again(prng: &mut Prng, day: Date) -> Value {
    if prng.chance(50) {
        return json!([{ "data": day.to_string(), "motivo": "scadenza", "conferma": "si" }]);
    }
    json!([{
        "data": day.to_string(), "motivo": "variazione", "conferma": "no", "valutazione": assessment(prng, None),
    }])
}

fn assessment(prng: &mut Prng, day: Option<Date>) -> Value {
    let mut value = json!({
        "patologia_prevalente": prng.pick(&["428", "331", "496", "250", "436"]),
        "patologia_concomitante": prng.pick(&["401", "715", "585", "294"]),
        "autonomia": prng.pick(&["autonomo", "parzialmente_dipendente", "totalmente_dipendente"]),
        "mobilita": prng.pick(&["da_solo", "assistito", "non_si_sposta"]),
        "disturbi_cognitivi": prng.pick(&["assenti_lievi", "moderati", "gravi"]),
        "disturbi_comportamentali": prng.pick(&["assenti_lievi", "moderati", "gravi"]),
        "supporto_sociale": prng.pick(&["presenza", "parziale", "assenza"]),
        "fragilita_familiare": prng.pick(&["presente", "assente", "non_disponibile"]),
        "rischio_infettivo": prng.pick(&["si", "no"]),
        "rischio_sanguinamento": prng.pick(&["si", "no", "non_disponibile"]),
    });
    for name in NEEDS {
        value[name] = json!(if prng.chance(20) { "presente" } else { "assente" });
    }
    for name in HELP {
        value[name] = json!(prng.pick(&["presenza", "assenza"]));
    }
    if let Some(day) = day {
        value["data"] = json!(day.to_string());
    }
    value
}
