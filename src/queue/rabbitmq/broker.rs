//! Where the broker is and how to get in; and in words what keeps us out. Never with a secret.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, Error, ErrorKind};
use tokio::time::timeout;

use crate::queue::QueueError;

/// A connection that is not made within this time is given up.
const CONNECT: Duration = Duration::from_secs(15);
/// Silence after which a connection counts as dead, in seconds, where the address does not say
/// (`?heartbeat=`). RabbitMQ's own guide: 5 to 20 s.
const HEARTBEAT_S: u16 = 20;
/// The longest name that AMQP 0-9-1 can carry (`shortstr`), in bytes.
pub const LONGEST_NAME: usize = 255;

/// A broker and how it is used, as `[queue]` in `config/default.toml` says it.
#[derive(Clone)]
pub struct Broker {
    /// `amqp://` or `amqps://`, with the vhost as its path, without credentials.
    pub url: String,
    pub credentials: Credentials,
    /// Certificate authorities beside the system's, PEM; empty = none.
    pub authorities: String,
    pub prefix: String,
    pub prefetch: u16,
    pub confirm_timeout: Duration,
    pub delivery_limit: u32,
}

/// Who we are to the broker. It can't be printed.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Default for Credentials {
    /// What every fresh broker takes, from its own machine only.
    fn default() -> Self {
        Self { user: "guest".to_owned(), password: "guest".to_owned() }
    }
}

impl Credentials {
    /// `user:password`, the first colon parting them.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.trim_end_matches(['\r', '\n']).split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }

    /// Reads the file, which nobody else may read.
    pub fn read(path: &Path) -> Result<Self, QueueError> {
        let place = path.display();
        let unreadable = |error| QueueError(format!("credentials_file {place}: {error}"));
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            let words = format!("credentials_file {place} can be read by others: chmod 600 {place}");
            return Err(QueueError(words));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let parsed = Self::parse(&text);
        parsed.ok_or_else(|| QueueError(format!("credentials_file {place}: write it as user:password")))
    }
}

impl Broker {
    /// A connection, or in words why there is none.
    pub async fn connect(&self, purpose: &str) -> Result<Connection, String> {
        let uri = self.uri()?;
        let place = format!("{}:{}", uri.authority.host, uri.authority.port);
        let name = format!("raccordo {} {purpose}", self.prefix);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let chain = Some(self.authorities.clone()).filter(|pem| !pem.is_empty());
        let tls = OwnedTLSConfig { identity: None, cert_chain: chain };
        let runtime = lapin::runtime::default_runtime().map_err(|error| error.to_string())?;
        let connecting = Connection::connect_uri_with_config(uri, properties, tls, runtime);
        match timeout(CONNECT, Box::pin(connecting)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.refusal(&place, &error)),
            Err(_) => Err(format!("the broker at {place} does not answer within {} s", CONNECT.as_secs())),
        }
    }

    fn uri(&self) -> Result<AMQPUri, String> {
        // What stands in the address is not repeated: it might be a password.
        if self.url.contains('@') {
            return Err("[queue] url holds credentials: they belong into credentials_file".to_owned());
        }
        let mut uri: AMQPUri = self.url.parse().map_err(|_| {
            "[queue] url is no address like amqps://broker.example:5671/vhost (the vhost `/` is %2f)"
                .to_owned()
        })?;
        if uri.vhost.len() > LONGEST_NAME || self.prefix.len() > LONGEST_NAME {
            return Err("[queue] vhost or prefix is longer than AMQP can carry".to_owned());
        }
        if uri.scheme == AMQPScheme::AMQP && !self.authorities.is_empty() {
            return Err("[queue] authorities_file is set, but url is amqp://: write amqps://".to_owned());
        }
        uri.authority.userinfo.username.clone_from(&self.credentials.user);
        uri.authority.userinfo.password.clone_from(&self.credentials.password);
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        Ok(uri)
    }

    fn refusal(&self, place: &str, error: &Error) -> String {
        let user = &self.credentials.user;
        match (code(error), error.kind()) {
            (Some(ACCESS_REFUSED), _) => {
                format!("the broker at {place} refuses user `{user}`: check credentials_file")
            }
            (Some(NOT_ALLOWED), _) => {
                format!("the broker at {place} does not let user `{user}` into this vhost: {}", words(error))
            }
            (None, ErrorKind::IOError(io)) => format!("the broker at {place} can't be reached: {io}"),
            _ => format!("the broker at {place} does not let us in: {}", words(error)),
        }
    }
}

/// AMQP 0-9-1 §1.2, reply codes.
pub const ACCESS_REFUSED: u16 = 403;
pub const NOT_FOUND: u16 = 404;
pub const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;

/// The reply code of a refusal by the broker.
pub fn code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(refusal) => Some(refusal.get_id()),
        _ => None,
    }
}

/// What the broker or lapin says, without lapin's frame around it.
pub fn words(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(refusal) => refusal.get_message().to_string(),
        _ => error.to_string(),
    }
}
