//! An OpenID provider that signs people and programs in, and what its claims mean here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::rights::Grant;
use crate::personal::Personal;

/// The provider, and what it is believed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// As its tokens say it, e.g. `https://sso.comune.example.it/realms/operatori`.
    pub issuer: String,
    /// Who access tokens for the API are for; empty = the API takes none.
    #[serde(default)]
    pub audience: String,
    /// Our name there; empty = nobody signs in to the console by it.
    #[serde(default)]
    pub client_id: String,
    /// File (0600) with our secret there; empty = we are a public client, protected by PKCE alone.
    #[serde(default)]
    pub client_secret_file: String,
    /// Read from `client_secret_file` when the configuration is loaded.
    #[serde(skip)]
    pub client_secret: Option<Personal<String>>,
    /// Where browsers reach us: `https://raccordo.example.it`.
    #[serde(default)]
    pub public_url: String,
    /// The scopes that are asked for.
    #[serde(default = "scopes")]
    pub scopes: String,
    /// The claim that lists roles; dots lead inside: `realm_access.roles`.
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// The claim by which people call the account.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// What each value of the claim gives.
    #[serde(default)]
    pub roles: BTreeMap<String, Grant>,
    /// Tolerance for clocks, seconds.
    #[serde(default = "leeway_s")]
    pub leeway_s: i64,
}

fn scopes() -> String {
    "openid profile".to_owned()
}

fn roles_claim() -> String {
    "roles".to_owned()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

const fn leeway_s() -> i64 {
    30
}

impl Oidc {
    /// What some claims give: every value that is known here; none where the claim says nothing.
    pub fn grants(&self, claims: &Map<String, Value>) -> Vec<Grant> {
        let mut steps = self.roles_claim.split('.');
        let first = steps.next().and_then(|name| claims.get(name));
        let found = steps.fold(first, |value, step| value.and_then(|value| value.get(step)));
        let words: Vec<&str> = match found {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => text.split_whitespace().collect(),
            _ => Vec::new(),
        };
        words.iter().filter_map(|word| self.roles.get(*word)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_known_roles_give_anything() {
        let settings = |claim: &str| -> Oidc {
            let text = format!(
                "issuer = 'x'\nroles_claim = '{claim}'\n[roles.ops]\nrole = 'operator'\nenti = ['H501']\n[roles.audit]\nrole = \
                 'auditor'\n"
            );
            toml::from_str(&text).unwrap()
        };
        let claims = json!({
            "roles": ["ops", "king", 7], "scope": "audit ops", "realm_access": {"roles": ["audit"]}, "n": 5,
        });
        let claims = claims.as_object().unwrap();
        let given = |claim: &str| settings(claim).grants(claims).len();
        assert_eq!([given("roles"), given("scope"), given("realm_access.roles")], [1, 2, 1]);
        assert_eq!([given("none"), given("n"), given("realm_access.none.x"), given("realm_access")], [0; 4]);
        assert_eq!(settings("roles").grants(claims)[0].enti, ["H501"]);
    }
}
