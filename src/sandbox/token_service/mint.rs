//! Vouchers as the platform makes them, and spoiled ones for tests.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::trust::signing::{SigningError, SigningKey};

/// What one purpose of a client is good for.
#[derive(Clone, Debug)]
pub struct Grant {
    /// A uuid.
    pub purpose_id: String,
    pub audience: String,
    pub eservice_id: String,
    pub producer_id: String,
    pub descriptor_id: String,
    pub consumer_id: String,
    pub lifetime_s: i64,
}

/// What differs from an ordinary voucher; a null removes the member.
#[derive(Clone, Debug, Default)]
pub struct VoucherChanges {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub forgery: Forgery,
}

/// How the signature is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forgery {
    /// By the platform's key.
    #[default]
    Genuine,
    /// By a key made on the spot, under the platform's kid.
    OtherKey,
    /// `alg: none` and an empty signature.
    Unsigned,
}

pub(super) fn voucher(
    key: &SigningKey,
    issuer: &str,
    grant: &Grant,
    changes: &VoucherChanges,
    now_s: i64,
) -> Result<String, SigningError> {
    let mut header = json!({"alg": "RS256", "use": "sig", "typ": "at+jwt", "kid": key.kid()});
    let mut claims = json!({
        "jti": uuid::Uuid::now_v7().to_string(), "iss": issuer, "aud": grant.audience,
        "client_id": grant.consumer_id, "sub": grant.consumer_id,
        "iat": now_s, "nbf": now_s, "exp": now_s.saturating_add(grant.lifetime_s),
        "purposeId": grant.purpose_id, "producerId": grant.producer_id,
        "consumerId": grant.consumer_id, "eserviceId": grant.eservice_id,
        "descriptorId": grant.descriptor_id,
    });
    apply(&mut header, &changes.header);
    apply(&mut claims, &changes.claims);
    match changes.forgery {
        Forgery::Genuine => key.sign(&header, &claims),
        Forgery::OtherKey => SigningKey::generate()?.sign(&header, &claims),
        Forgery::Unsigned => {
            header["alg"] = json!("none");
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            Ok(format!("{}.{}.", part(&header), part(&claims)))
        }
    }
}

fn apply(target: &mut Value, changes: &Map<String, Value>) {
    let Value::Object(target) = target else { return };
    for (name, value) in changes {
        match value {
            Value::Null => drop(target.remove(name)),
            value => drop(target.insert(name.clone(), value.clone())),
        }
    }
}
