//! The installation under test: two enti, one pushed route, work carried by a real broker.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};

use crate::chaos::installation::{Installation, two_addresses};

pub const ENTI: [&str; 2] = ["H501", "F205"];

/// Writes configuration and secrets.
pub fn make(directory: &Path, register: &str, recipient: &str, broker: &str) -> Installation {
    let (api, _) = two_addresses(10_000);
    let made = Installation {
        directory: directory.to_owned(),
        config: directory.join("raccordo.toml"),
        data: directory.join("data"),
        outbox: directory.join("outbox"),
        log: directory.join("gateway.log"),
        api,
        // No offered route here: the API is the last listener to open.
        offer: api,
    };
    // The operator in charge is a synthetic person of the published test vectors.
    crate::serving::secret(&directory.join("operator"), "XXXYYY80A01H501D\n");
    std::fs::write(&made.config, text(&made, register, recipient, broker)).unwrap();
    made
}

/// Short pauses and endless patience: a person never decides here, and nobody waits long.
fn text(made: &Installation, register: &str, recipient: &str, broker: &str) -> String {
    let hash: String = digest(&SHA256, Installation::token().as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut text = format!(
        "data = {:?}\n[api]\nlisten = \"{}\"\ntokens = [{{ name = \"chaos\", sha256 = \"{hash}\" }}]\n\
         [log]\nfilter = \"debug\"\n\
         [queue]\nkind = \"rabbitmq\"\nurl = \"{broker}?heartbeat=2\"\nconfirm_timeout_ms = 2000\n\
         [[register]]\nname = \"{register}\"\nhold_cancels_above = 1000000\n",
        made.data, made.api
    );
    for ente in ENTI {
        text.push_str(&format!(
            "[[ente]]\ncode = \"{ente}\"\nname = \"Comune {ente}\"\nseat = \"{ente}\"\noperator_file = \"operator\"\n"
        ));
    }
    text.push_str(&pushed_route(register, recipient));
    text
}

/// The route to the recipient.
pub fn pushed_route(register: &str, recipient: &str) -> String {
    format!(
        "[[route]]\nid = \"pushed\"\nregister = \"{register}\"\nchannel = \"push\"\nenti = {ENTI:?}\nmax_records = 6\n\
         [route.push]\nprotocol = \"fhir\"\nurl = \"{recipient}\"\nconnect_timeout_ms = 1000\n\
         read_timeout_ms = 2000\ntotal_timeout_ms = 2000\nconcurrency = 4\n\
         retry = {{ first_s = 0.05, longest_s = 0.5, attempts = 1000000, questions = 1000000 }}\n\
         breaker = {{ failures = 8, pause_s = 0.2 }}\n"
    )
}
