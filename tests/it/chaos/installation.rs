//! The installation under test: four enti, three offered routes, one file route.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use raccordo::sandbox::platform::Entitlement;

/// The enti whose records INPS polls.
pub const OFFERED: [&str; 3] = ["H501", "F205", "L219"];
/// The ente whose records leave as files.
pub const FILED: &str = "D612";
pub const FILE_ROUTE: &str = "portal-D612";
pub const ISSUER: &str = "sandbox.raccordo.example";
const AUDIENCE: &str = "SIUSS";
const TOKEN: &str = "a token of the fault test";

/// Where everything of the installation is.
pub struct Installation {
    pub directory: PathBuf,
    pub config: PathBuf,
    pub data: PathBuf,
    pub outbox: PathBuf,
    pub log: PathBuf,
    pub api: SocketAddr,
    pub offer: SocketAddr,
}

impl Installation {
    /// Writes configuration and secrets.
    pub fn make(directory: &Path, register: &str, jwks: &str) -> Self {
        let (api, offer) = two_addresses(15_000);
        let made = Self {
            directory: directory.to_owned(),
            config: directory.join("raccordo.toml"),
            data: directory.join("data"),
            outbox: directory.join("outbox"),
            log: directory.join("gateway.log"),
            api,
            offer,
        };
        for ente in OFFERED.iter().chain([&FILED]) {
            let mut options = fs::OpenOptions::new();
            let file = options.create(true).write(true).mode(0o600).open(directory.join(ente));
            // The operator in charge is a synthetic person of the published test vectors.
            std::io::Write::write_all(&mut file.unwrap(), b"XXXYYY80A01H501D\n").unwrap();
        }
        fs::write(&made.config, made.text(register, jwks)).unwrap();
        made
    }

    pub const fn token() -> &'static str {
        TOKEN
    }

    fn text(&self, register: &str, jwks: &str) -> String {
        let hash: String =
            digest(&SHA256, TOKEN.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut text = format!(
            "data = {:?}\n[api]\nlisten = \"{}\"\ntokens = [{{ name = \"chaos\", sha256 = \"{hash}\" }}]\n\
             [offer]\nlisten = \"{}\"\n[log]\nfilter = \"debug\"\n\
             [[register]]\nname = \"{register}\"\nhold_cancels_above = 2\n",
            self.data, self.api, self.offer
        );
        for ente in OFFERED.iter().chain([&FILED]) {
            text.push_str(&format!(
                "[[ente]]\ncode = \"{ente}\"\nname = \"Comune {ente}\"\nseat = \"{ente}\"\noperator_file = \"{ente}\"\n"
            ));
        }
        for (number, ente) in OFFERED.iter().enumerate() {
            let voucher = entitlement(number);
            text.push_str(&format!(
                "[[route]]\nid = \"{}\"\nregister = \"{register}\"\nchannel = \"offer\"\nenti = [\"{ente}\"]\n\
                 [route.voucher]\nissuer = \"{ISSUER}\"\naudience = \"{}\"\neservice_id = \"{}\"\n\
                 producer_id = \"{}\"\ndescriptor_ids = [\"{}\"]\nconsumer_id = \"{}\"\npurposes = [\"{}\"]\n\
                 jwks = \"{jwks}\"\n",
                voucher.route, voucher.audience, voucher.eservice_id, voucher.producer_id,
                voucher.descriptor_id, voucher.consumer_id, voucher.purpose_id
            ));
        }
        text.push_str(&format!(
            "[[route]]\nid = \"{FILE_ROUTE}\"\nregister = \"{register}\"\nchannel = \"file\"\nenti = [\"{FILED}\"]\n\
             outbox = {:?}\nmax_records = 5\n",
            self.outbox
        ));
        text
    }
}

/// What the offered route of an ente asks of a voucher.
pub fn entitlement(number: usize) -> Entitlement {
    let id = |kind: u32| format!("00000000-0000-4000-8000-{kind:04}{number:08}");
    Entitlement {
        route: format!("waas-{}", OFFERED[number]),
        audience: AUDIENCE.into(),
        eservice_id: id(1),
        producer_id: id(2),
        descriptor_id: id(3),
        consumer_id: id(4),
        purpose_id: id(5),
    }
}

/// Two free loopback addresses, from a port on that depends on the process, and below the ports
/// that outgoing connections take, so that nobody gets them while the gateway is dead.
pub fn two_addresses(base: u16) -> (SocketAddr, SocketAddr) {
    let start = base + (std::process::id() % 2000) as u16 * 2;
    let mut free = (start..32_000).filter_map(|port| {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        TcpListener::bind(address).is_ok().then_some(address)
    });
    (free.next().unwrap(), free.next().unwrap())
}
