//! Asks the labour side about one person: is there a SAP, what does it hold, which DID is known.
//! Three calls, the last two about what the purpose needs; any of them may meet the call limit.

use super::client::{CallError, Failure, SapClient};
use crate::channel::courier::{CourierError, Destination};
use crate::channel::inquiry::{Inquirer, Question, Reply};
use crate::channel::offer::Soon;
use crate::exchange::Millis;
use crate::personal::Personal;

/// The inquirer of a destination.
pub fn inquirer(destination: &Destination) -> Result<Box<dyn Inquirer>, CourierError> {
    Ok(Box::new(SapInquirer { client: SapClient::new(destination)? }))
}

struct SapInquirer {
    client: SapClient,
}

impl SapInquirer {
    async fn asked(&self, person: &Personal<String>, now: Millis) -> Result<Reply, CallError> {
        let mut documents = Vec::new();
        if let Some(code) = self.client.find(person, now).await? {
            documents.extend(self.client.fetch(&code, now).await?);
        }
        documents.extend(self.client.fetch_did(person, now).await?);
        if documents.is_empty() {
            return Ok(Reply::NothingKnown);
        }
        let bytes = |text: Personal<String>| Personal::new(text.into_exposed().into_bytes());
        Ok(Reply::Answered(documents.into_iter().map(bytes).collect()))
    }
}

impl Inquirer for SapInquirer {
    fn ask<'a>(&'a self, question: &'a Question, now: Millis) -> Soon<'a, Reply> {
        Box::pin(async move {
            self.asked(&question.codice_fiscale, now).await.unwrap_or_else(|error| {
                let CallError { failure, code, not_before, .. } = error;
                match failure {
                    Failure::Limit => Reply::Limited { code, not_before },
                    Failure::Refused => Reply::Refused { code },
                    // Reading changes nothing: what may have been answered is asked again.
                    Failure::Unavailable | Failure::Uncertain => Reply::Unavailable { code, not_before },
                }
            })
        })
    }
}
