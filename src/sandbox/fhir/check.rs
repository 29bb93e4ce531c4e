//! What the simulated server holds against a resource: R4's required members and a few of its
//! traps, written apart from the gateway's schemas.

use serde_json::Value;

use super::issue::Issue;
use super::script::Script;

/// The types that this server stores, with the members that R4 requires of each.
pub(super) const TYPES: &[(&str, &[&str])] = &[
    ("AuditEvent", &["type", "recorded", "agent", "source"]),
    ("Basic", &["code"]),
    ("CarePlan", &["status", "intent", "subject"]),
    ("CareTeam", &[]),
    ("Condition", &["subject"]),
    ("Consent", &["status", "scope", "category"]),
    ("DocumentReference", &["status", "content"]),
    ("Encounter", &["status", "class"]),
    ("EpisodeOfCare", &["status", "patient"]),
    ("Goal", &["lifecycleStatus", "description", "subject"]),
    ("Location", &[]),
    ("Observation", &["status", "code"]),
    ("Organization", &[]),
    ("Patient", &[]),
    ("Practitioner", &[]),
    ("PractitionerRole", &[]),
    ("Procedure", &["status", "subject"]),
    ("Provenance", &["target", "recorded", "agent"]),
    ("QuestionnaireResponse", &["status"]),
    ("RelatedPerson", &["patient"]),
    ("ServiceRequest", &["status", "intent", "subject"]),
    ("Task", &["status", "intent"]),
];

/// Choices of type that may occur once (`value[x]`): prefix, and the types seen in practice.
const CHOICES: &[(&str, &[&str])] = &[
    ("value", &["Quantity", "CodeableConcept", "String", "Boolean", "Integer", "DateTime", "Period"]),
    ("effective", &["DateTime", "Period", "Instant"]),
    ("onset", &["DateTime", "Age", "Period", "String"]),
    ("occurrence", &["DateTime", "Period", "Timing"]),
    ("performed", &["DateTime", "Period", "String"]),
];

/// The required members of a type; `None` if the server does not know it.
pub(super) fn required(resource_type: &str) -> Option<&'static [&'static str]> {
    TYPES.iter().find(|(name, _)| *name == resource_type).map(|(_, members)| *members)
}

/// Everything wrong with the resource of an entry.
pub(super) fn check(entry: usize, resource: &Value, script: &Script) -> Vec<Issue> {
    let resource_type = resource["resourceType"].as_str().unwrap_or_default();
    let Some(required) = required(resource_type) else {
        let text = format!("unknown resource type '{resource_type}'");
        return vec![Issue::at(entry, "resource", "not-supported", text)];
    };
    let mut issues = Vec::new();
    for member in required.iter().filter(|member| resource[**member].is_null()) {
        let text = format!("{resource_type}.{member}: minimum required = 1, but only found 0");
        issues.push(Issue::at(entry, &format!("resource.{member}"), "required", text));
    }
    for (prefix, types) in CHOICES {
        let given = types.iter().filter(|kind| !resource[format!("{prefix}{kind}")].is_null()).count();
        if given > 1 {
            let text = format!("{resource_type}.{prefix}[x] occurs {given} times");
            issues.push(Issue::at(entry, "resource", "structure", text));
        }
    }
    traps(entry, "resource", resource, &mut issues);
    issues.extend(refused(entry, resource, script));
    issues
}

/// Nothing in FHIR's JSON is empty or null, and an extension says something (ext-1).
fn traps(entry: usize, path: &str, value: &Value, issues: &mut Vec<Issue>) {
    let mut wrong = |text: &str| issues.push(Issue::at(entry, path, "structure", text));
    match value {
        Value::Null => wrong("a member is null"),
        Value::String(text) if text.trim().is_empty() => wrong("a string is empty"),
        Value::Array(items) if items.is_empty() => wrong("an array is empty"),
        Value::Object(members) if members.is_empty() => wrong("an object is empty"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                traps(entry, &format!("{path}[{index}]"), item, issues);
            }
        }
        Value::Object(members) => {
            let speaks = |name: &String| name == "extension" || name.starts_with("value");
            let last = path.rsplit('.').next().unwrap_or_default();
            let is_extension = last.starts_with("extension[") || last.starts_with("modifierExtension[");
            if is_extension && !members.keys().any(speaks) {
                wrong("ext-1: an extension has either extensions or a value");
            }
            members.iter().for_each(|(name, item)| traps(entry, &format!("{path}.{name}"), item, issues));
        }
        _ => {}
    }
}

/// Refusals of the server's own business, by script.
fn refused(entry: usize, resource: &Value, script: &Script) -> Option<Issue> {
    let codes = resource["code"]["coding"].as_array().map(Vec::as_slice).unwrap_or_default();
    let code = codes.iter().filter_map(|coding| coding["code"].as_str());
    let mut named = code.filter(|code| script.refuse_codes.iter().any(|refused| refused == code));
    if resource["resourceType"] == "ServiceRequest" && named.next().is_some() {
        let text = "La prestazione richiesta non è erogata da questo distretto";
        return Some(Issue::at(entry, "resource.code", "business-rule", text));
    }
    let operation = super::transaction::operation(resource)?;
    let text = "Rifiuto simulato";
    script
        .happens(script.refuse, "refuse", &operation)
        .then(|| Issue::at(entry, "resource", "business-rule", text))
}
