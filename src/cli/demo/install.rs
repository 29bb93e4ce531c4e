//! The demo's installation, and the changes that people make to their folders.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::ENTI;
use super::registers::{Family, Registers};

const MARK: &str = ".raccordo-demo";

/// Makes the demo's directory anew with its configuration and secrets.
pub fn prepare(dir: &Path, registers: &Registers, queue: &Queue) -> anyhow::Result<PathBuf> {
    if dir.exists() {
        let empty = fs::read_dir(dir)?.next().is_none();
        if !empty && !dir.join(MARK).exists() {
            bail!("{} is not empty and no demo of ours: choose another with --dir", dir.display());
        }
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    fs::write(dir.join(MARK), "")?;
    for (code, _) in ENTI {
        // The operator in charge is a synthetic person of the published test vectors.
        secret(&dir.join(format!("operator-{code}")), "XXXYYY80A01H501D")?;
        for key in registers.keys() {
            secret(&dir.join(format!("{key}-{code}")), &new_key()?)?;
        }
    }
    let config = dir.join("raccordo.toml");
    fs::write(&config, configuration(dir, registers, queue)).with_context(|| config.display().to_string())?;
    Ok(config)
}

/// Which queue carries the work, and where the ledger is.
#[derive(Clone, clap::Args)]
pub struct Queue {
    /// `embedded`, or `rabbitmq` at the broker's address.
    #[arg(long, default_value = "embedded", value_parser = ["embedded", "rabbitmq"])]
    queue: String,
    /// Address of the broker, e.g. `amqp://127.0.0.1:5672/%2f`; guest:guest.
    #[arg(long, env = "RACCORDO_AMQP", default_value = "amqp://127.0.0.1:5672/%2f")]
    broker: String,
    /// Address of a PostgreSQL for the ledger, which must hold none yet; SQLite where none is given.
    #[arg(long, default_value = "", hide_default_value = true)]
    ledger: String,
    /// File (0600) with the password of that server.
    #[arg(long, default_value = "", hide_default_value = true)]
    ledger_password_file: String,
}

impl Queue {
    /// Its name, for people.
    pub fn name(&self) -> &str {
        if self.queue == "rabbitmq" { "RabbitMQ" } else { "the embedded queue" }
    }
}

/// A file for the installation's user alone.
fn secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(path)?;
    Ok(std::io::Write::write_all(&mut file, format!("{text}\n").as_bytes())?)
}

/// A new key for pseudonyms.
fn new_key() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        bail!("the operating system gave no random bytes");
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn configuration(dir: &Path, registers: &Registers, queue: &Queue) -> String {
    let data = dir.join("data").display().to_string();
    let mut text = format!(
        "data = {data:?}\n\n[queue]\nkind = {:?}\nurl = {:?}\n\n[ledger]\nurl = {:?}\npassword_file = {:?}\n",
        queue.queue, queue.broker, queue.ledger, queue.ledger_password_file
    );
    for (number, (code, name)) in ENTI.iter().enumerate() {
        let keys: Vec<String> = registers.keys().map(|key| format!("{key} = \"{key}-{code}\"")).collect();
        let keys = format!("{{ {} }}", keys.join(", "));
        text.push_str(&format!(
            "\n[[ente]]\ncode = \"{code}\"\nname = \"{name}\"\nseat = \"{code}\"\noperator_file = \"operator-{code}\"\n\
             keys = {keys}\n\
             \n[ente.settings]\ncodice_ente_promotore = \"{code}S00314{number}\"\n"
        ));
        for family in Family::ALL {
            text.push_str(&route(family, registers.of(family), number, code));
        }
    }
    text
}

/// The route of an ente to a family of registers.
fn route(family: Family, registers: &[String], number: usize, code: &str) -> String {
    let (first, others) =
        registers.split_first().map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
    let id = |kind: u32| format!("00000000-0000-4000-8000-{kind:04}{number:08}");
    let head = format!(
        "\n[[route]]\nid = \"{first}-{code}\"\nregister = {first:?}\nalso = {others:?}\nenti = [{code:?}]\n"
    );
    let port = family.port();
    let tail = match family.push() {
        None => format!(
            "channel = \"offer\"\n\n[route.voucher]\nissuer = \"sandbox.raccordo.example\"\naudience = \"sandbox\"\n\
             eservice_id = \"{}\"\nproducer_id = \"{}\"\ndescriptor_ids = [\"{}\"]\nconsumer_id = \"{}\"\n\
             purposes = [\"{}\"]\njwks = \"http://127.0.0.1:8790/.well-known/jwks.json\"\n",
            id(1),
            id(2),
            id(3),
            id(4),
            id(5)
        ),
        Some((protocol, path)) => format!(
            "channel = \"push\"\nmax_records = 100\n\n[route.push]\nprotocol = {protocol:?}\n\
             url = \"http://127.0.0.1:{port}{path}\"\ntotal_timeout_ms = 1500\nread_back_after_ms = 50\n\
             retry = {{ first_s = 0.2, longest_s = 2.0 }}\nbreaker = {{ failures = 20, pause_s = 0.5 }}\n"
        ),
    };
    head + &tail
}

/// A second delivery of some folders: one in ten with another fee, one in forty annulled.
pub fn change(folders: &[Value]) -> Vec<Value> {
    let changes = |(index, folder): (usize, &Value)| {
        let mut folder = folder.clone();
        let first = folder["interventi"].get_mut(0)?;
        match index {
            index if index % 40 == 7 => first["stato"] = json!("annullato"),
            index if index % 10 == 3 => first["quota_richiesta"] = json!("512.00"),
            _ => return None,
        }
        let version = folder["versione"].as_u64().unwrap_or(1);
        folder["versione"] = json!(version + 1);
        Some(folder)
    };
    folders.iter().enumerate().filter_map(changes).collect()
}
