//! Proofs of possession count once for all processes of an installation.

use std::sync::Arc;

use super::Gateway;
use crate::adapters::waas::{Proofs, UsedProof};
use crate::channel::offer::Soon;

impl Proofs for Arc<Gateway> {
    fn first_use(&self, proof: UsedProof, now_s: i64) -> Soon<'_, bool> {
        let named = format!("{} {}", proof.jkt, proof.jti);
        let id = self.sealer.keyed_hash("proof", named.as_bytes());
        Box::pin(async move {
            let noted = self.books.write_async(move |tx| tx.use_proof(&id, now_s, proof.until_s)).await;
            noted.unwrap_or_else(|error| {
                tracing::error!(%error, "a proof could not be noted: it does not count");
                false
            })
        })
    }
}
