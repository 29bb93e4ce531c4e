//! Letters to people by SMTP, and the only file that names lettre. It knows no alert and no person
//! but those whom the configuration names.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

/// A letter of plain text.
pub struct Letter {
    pub subject: String,
    pub text: String,
}

/// The way to a mail server. Holds credentials: no Debug.
pub struct Mailer {
    /// `host:port`.
    pub server: String,
    /// `starttls`, `tls` or `none`.
    pub security: String,
    /// `user:password`.
    pub credentials: Option<String>,
    /// Further certificate authorities, PEM.
    pub authorities: Option<Vec<u8>>,
    /// Of the whole conversation.
    pub timeout: Duration,
}

impl Mailer {
    /// Sends a letter to all of them in one conversation. Errors are words for the log; they hold
    /// what the server said, and no credentials.
    pub async fn send(&self, from: &str, to: &[String], letter: Letter) -> Result<(), String> {
        let address =
            |text: &str| text.parse().map_err(|_| "an address of [alerts.email] is not one".to_owned());
        let mut message = Message::builder().from(address(from)?).subject(letter.subject);
        for one in to {
            message = message.to(address(one)?);
        }
        let message = message.header(ContentType::TEXT_PLAIN).body(letter.text);
        let message = message.map_err(|error| format!("the letter cannot be written: {error}"))?;
        let sent = tokio::time::timeout(self.timeout, self.transport()?.send(message)).await;
        match sent {
            Ok(Ok(answer)) if answer.is_positive() => Ok(()),
            Ok(Ok(answer)) => Err(format!("the mail server answered {}", answer.code())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the mail server did not answer in time".to_owned()),
        }
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let wrong = || "server of [alerts.email] is `host:port`".to_owned();
        let (host, port) = self.server.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let tls = match self.security.as_str() {
            "none" if ["127.0.0.1", "localhost", "[::1]"].contains(&host) => Tls::None,
            "none" => return Err("security = \"none\" is for a server on this machine only".to_owned()),
            "tls" => Tls::Wrapper(self.parameters(host)?),
            _ => Tls::Required(self.parameters(host)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port)
            .tls(tls)
            .timeout(Some(self.timeout));
        if let Some((user, password)) = self.credentials.as_deref().and_then(|line| line.split_once(':')) {
            builder = builder.credentials(Credentials::new(user.to_owned(), password.to_owned()));
        }
        Ok(builder.build())
    }

    fn parameters(&self, host: &str) -> Result<TlsParameters, String> {
        let mut builder = TlsParameters::builder(host.to_owned());
        if let Some(pem) = &self.authorities {
            let authority = Certificate::from_pem(pem).map_err(|error| error.to_string())?;
            builder = builder.add_root_certificate(authority);
        }
        builder.build().map_err(|error| error.to_string())
    }
}
