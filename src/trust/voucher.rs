//! Checking a PDND voucher as provider: the steps, in this order, of our table
//! (an adherent can get a formally valid voucher for *your* audience from its
//! own e-service, so issuer, expiry and audience are not enough).
//!
//! A voucher is used until it expires, so its `jti` is not single use; a DPoP
//! proof's is. Whoever logs a verdict logs [`Verified`] or the rule, no token.

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::dpop::{self, DpopWindow, ReplayGuard};
use super::jwks::KeySet;
use super::jws::{Compact, Malformed};
use crate::folder::finding::Text;

/// The `Authorization` scheme that the e-service asks for (a setting per e-service).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    Bearer,
    Dpop,
}

/// What a voucher must say to be accepted on one route.
#[derive(Clone, Debug)]
pub struct VoucherPolicy {
    /// `iss` of the platform of this environment.
    pub issuer: String,
    /// Our audience, e.g. `SIUSS`.
    pub audience: String,
    pub eservice_id: String,
    pub producer_id: String,
    /// The published versions of the e-service.
    pub descriptor_ids: Vec<String>,
    /// The one consumer, e.g. INPS.
    pub consumer_id: String,
    /// The accepted purposes; an empty list accepts none.
    pub purposes: Vec<String>,
    /// Clock tolerance for `exp`, `nbf` and `iat`, in seconds.
    pub leeway_s: i64,
    pub token_type: TokenType,
    /// Largest token and largest proof that are looked at.
    pub max_bytes: usize,
    pub dpop: DpopWindow,
}

/// Who called. Fit for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub consumer_id: String,
    pub purpose_id: String,
    pub jti: String,
    pub eservice_id: String,
}

/// Why a caller is turned away. Fit for logs and for the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// 401: not believed. 403: believed, not entitled.
    pub status: u16,
    /// Stable name, e.g. `voucher-scaduto`.
    pub rule: &'static str,
    pub message: Text,
}

/// The rule of a kid that no known key has: refresh the keys (throttled), check again.
pub const UNKNOWN_KID: &str = "voucher-kid-sconosciuto";

impl Denied {
    /// Whether fetching the platform's keys anew could change the verdict.
    pub fn wants_fresh_keys(&self) -> bool {
        self.rule == UNKNOWN_KID
    }
}

/// The request beside its voucher.
#[derive(Clone, Copy)]
pub struct Presented<'r> {
    /// Every `Authorization` header value; `None` when absent.
    pub authorization: Option<&'r str>,
    /// The `DPoP` header value.
    pub dpop: Option<&'r str>,
    pub method: &'r str,
    /// The request's URL as the caller knows it (scheme, host, path).
    pub url: &'r str,
}

/// Checks the voucher of one request at `now_s` (Unix seconds).
pub fn check(
    policy: &VoucherPolicy,
    keys: &KeySet,
    request: Presented<'_>,
    now_s: i64,
    replay: &mut dyn ReplayGuard,
) -> Result<Verified, Denied> {
    let token = token_of(policy, request.authorization)?;
    let voucher = parse(policy, token)?;
    signature(&voucher, keys)?;
    ensure(voucher.text("iss") == Some(&policy.issuer), &ISSUER)?;
    times(policy, &voucher, now_s)?;
    ensure(voucher.audience_holds(&[&policy.audience]), &AUDIENCE)?;
    entitlement(policy, &voucher)?;
    if let Some(bound_to) = binding(policy, &voucher)? {
        dpop::check(policy, request, token, bound_to, now_s, replay)?;
    }
    Ok(Verified {
        consumer_id: policy.consumer_id.clone(),
        purpose_id: voucher.text("purposeId").unwrap_or_default().to_owned(),
        jti: voucher.text("jti").unwrap_or_default().to_owned(),
        eservice_id: policy.eservice_id.clone(),
    })
}

/// Step 1, first half: exactly one token under the scheme that is set.
fn token_of<'r>(policy: &VoucherPolicy, authorization: Option<&'r str>) -> Result<&'r str, Denied> {
    let value = authorization.ok_or_else(|| MISSING.denied())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(|| SCHEME.denied())?;
    let wanted = match policy.token_type {
        TokenType::Bearer => "Bearer",
        TokenType::Dpop => "DPoP",
    };
    ensure(scheme.eq_ignore_ascii_case(wanted), &SCHEME)?;
    ensure(!token.contains([' ', ',']), &FORM)?;
    Ok(token)
}

/// Step 1, second half, and step 2 without the kid.
fn parse<'t>(policy: &VoucherPolicy, token: &'t str) -> Result<Compact<'t>, Denied> {
    let voucher = Compact::parse(token, policy.max_bytes).map_err(|fault| match fault {
        Malformed::TooLarge => TOO_LARGE.denied(),
        Malformed::Parts | Malformed::Content | Malformed::Critical => FORM.denied(),
    })?;
    ensure(voucher.header_text("alg") == Some("RS256"), &ALGORITHM)?;
    ensure(voucher.header_text("typ").is_some_and(is_access_token), &TYPE)?;
    Ok(voucher)
}

/// `typ` is a media type, so case does not matter and `application/` may be left out (RFC 9068 §2.1).
fn is_access_token(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
}

/// Step 2's kid, and step 3.
fn signature(voucher: &Compact<'_>, keys: &KeySet) -> Result<(), Denied> {
    let kid = voucher.header_text("kid").ok_or_else(|| KID.denied())?;
    let key = keys.get(kid).ok_or_else(|| KID.denied())?;
    ensure(voucher.signed_by(key, Algorithm::RS256), &SIGNATURE)
}

/// Step 5.
fn times(policy: &VoucherPolicy, voucher: &Compact<'_>, now_s: i64) -> Result<(), Denied> {
    let latest = now_s.saturating_add(policy.leeway_s);
    let (exp, iat) = (voucher.seconds("exp"), voucher.seconds("iat"));
    ensure(exp.is_some_and(|exp| now_s < exp.saturating_add(policy.leeway_s)), &EXPIRED)?;
    let begun = match voucher.claims.get("nbf") {
        None => true,
        Some(nbf) => nbf.as_i64().is_some_and(|nbf| nbf <= latest),
    };
    ensure(begun && iat.is_some_and(|iat| iat <= latest), &NOT_YET)
}

/// Steps 7 and 8: believed, but entitled?
fn entitlement(policy: &VoucherPolicy, voucher: &Compact<'_>) -> Result<(), Denied> {
    let listed = |claim: &str, list: &[String]| {
        voucher.text(claim).is_some_and(|value| list.iter().any(|one| one == value))
    };
    ensure(voucher.text("eserviceId") == Some(&policy.eservice_id), &ESERVICE)?;
    ensure(voucher.text("producerId") == Some(&policy.producer_id), &PRODUCER)?;
    ensure(listed("descriptorId", &policy.descriptor_ids), &DESCRIPTOR)?;
    ensure(voucher.text("consumerId") == Some(&policy.consumer_id), &CONSUMER)?;
    ensure(listed("purposeId", &policy.purposes), &PURPOSE)
}

/// Step 9: the thumbprint that a proof must have, when one is due.
fn binding<'v>(policy: &VoucherPolicy, voucher: &'v Compact<'_>) -> Result<Option<&'v str>, Denied> {
    match voucher.claims.get("cnf") {
        Some(cnf) => cnf.get("jkt").and_then(Value::as_str).map(Some).ok_or_else(|| BINDING.denied()),
        None if policy.token_type == TokenType::Dpop => Err(BINDING.denied()),
        None => Ok(None),
    }
}

/// One rule: its status, its name, what it says.
pub(super) struct Rule(
    pub(super) u16,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

impl Rule {
    pub(super) fn denied(&self) -> Denied {
        Denied { status: self.0, rule: self.1, message: Text::new(self.2, self.3) }
    }
}

pub(super) fn ensure(holds: bool, rule: &Rule) -> Result<(), Denied> {
    if holds { Ok(()) } else { Err(rule.denied()) }
}

const MISSING: Rule = Rule(401, "voucher-assente", "Manca il voucher PDND.", "The PDND voucher is missing.");
const SCHEME: Rule = Rule(
    401,
    "voucher-schema",
    "Lo schema dell'intestazione Authorization non è quello previsto per l'e-service.",
    "The Authorization scheme is not the one this e-service asks for.",
);
const FORM: Rule = Rule(
    401,
    "voucher-forma",
    "Il voucher non è un JWS compatto di tre parti.",
    "The voucher is not a compact JWS of three parts.",
);
const TOO_LARGE: Rule = Rule(
    401,
    "voucher-troppo-grande",
    "Il voucher supera la dimensione ammessa.",
    "The voucher exceeds the size limit.",
);
const ALGORITHM: Rule =
    Rule(401, "voucher-alg", "L'algoritmo del voucher non è RS256.", "The voucher's algorithm is not RS256.");
const TYPE: Rule =
    Rule(401, "voucher-typ", "Il tipo del voucher non è at+jwt.", "The voucher's type is not at+jwt.");
const KID: Rule = Rule(
    401,
    UNKNOWN_KID,
    "La chiave del voucher non è fra quelle della piattaforma di questo ambiente.",
    "The voucher's key is not one of this environment's platform.",
);
const SIGNATURE: Rule =
    Rule(401, "voucher-firma", "La firma del voucher non è valida.", "The voucher's signature is not valid.");
const ISSUER: Rule = Rule(
    401,
    "voucher-iss",
    "Il voucher non è della piattaforma di questo ambiente.",
    "The voucher is not from this environment's platform.",
);
const EXPIRED: Rule = Rule(
    401,
    "voucher-scaduto",
    "Il voucher è scaduto o privo di exp.",
    "The voucher expired or has no exp.",
);
const NOT_YET: Rule = Rule(
    401,
    "voucher-non-ancora-valido",
    "Il voucher non è ancora valido o è privo di iat: controllare l'orologio.",
    "The voucher is not valid yet or has no iat: check the clock.",
);
const AUDIENCE: Rule = Rule(
    401,
    "voucher-aud",
    "Il voucher è destinato a un altro servizio.",
    "The voucher is meant for another service.",
);
const ESERVICE: Rule = Rule(
    403,
    "voucher-eservice",
    "Il voucher è di un altro e-service.",
    "The voucher belongs to another e-service.",
);
const PRODUCER: Rule = Rule(
    403,
    "voucher-erogatore",
    "Il voucher è di un altro erogatore.",
    "The voucher belongs to another producer.",
);
const DESCRIPTOR: Rule = Rule(
    403,
    "voucher-versione",
    "Il voucher è di una versione non ammessa dell'e-service.",
    "The voucher belongs to a version of the e-service that is not accepted.",
);
const CONSUMER: Rule = Rule(
    403,
    "voucher-fruitore",
    "Il fruitore del voucher non è ammesso.",
    "The voucher's consumer is not admitted.",
);
const PURPOSE: Rule = Rule(
    403,
    "voucher-finalita",
    "La finalità del voucher non è fra quelle ammesse.",
    "The voucher's purpose is not among the accepted ones.",
);
const BINDING: Rule = Rule(
    401,
    "voucher-non-legato",
    "Il voucher non è legato a una chiave DPoP (cnf.jkt).",
    "The voucher is not bound to a DPoP key (cnf.jkt).",
);
