//! From a fragment's insert form to the form of the operation asked for, as `[operation]` says.

use super::OperationKind;
use super::container::Part;
use crate::mapping::Mapping;
use crate::mapping::document::{Format, MembersTable, OperationForm, OperationId, OperationTable};
use serde_json::{Map, Value};

/// Appends a part in the form of its operation.
///
/// # Errors
/// What the flow cannot say: it has no such operation, or the fragment lacks what it changes.
pub(super) fn append(mapping: &Mapping, part: &Part<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let table = mapping.document.operation.as_ref();
    let form = match (part.kind, table) {
        (OperationKind::Insert, _) => None,
        (_, None) => return Err(NO_SUCH.to_owned()),
        (OperationKind::Cancel, Some(table)) => Some(table.cancel.as_ref().ok_or(NO_SUCH)?),
        (OperationKind::Replace, Some(table)) if table.resend => None,
        (OperationKind::Replace, Some(table)) => Some(table.replace.as_ref().ok_or(NO_SUCH)?),
    };
    let id = table.and_then(|table| table.id.as_ref());
    match (form, mapping.flow.format, table) {
        (Some(OperationForm::Value(value)), Format::Xml, Some(table)) => {
            with_attribute(table, value, part.fragment, out)
        }
        (Some(OperationForm::Members(members)), Format::Json, _) => {
            with_members(Some(members), id, part, out)
        }
        (Some(_), ..) => Err("the operation is not written in the flow's format".to_owned()),
        (None, Format::Json, _) if id.is_some() => with_members(None, id, part, out),
        (None, ..) => {
            out.extend_from_slice(part.fragment);
            Ok(())
        }
    }
}

const NO_SUCH: &str = "the flow has no such operation";

/// A fragment with the operation's value in place of the insert's. The insert's attribute
/// cannot occur inside a value: quotes are escaped there.
fn with_attribute(
    table: &OperationTable,
    value: &str,
    fragment: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let name = table.target.rsplit_once('@').map_or("", |(_, name)| name);
    let insert = format!(" {name}=\"{}\"", table.insert);
    let found = fragment.windows(insert.len()).position(|window| window == insert.as_bytes());
    let at = found.ok_or("the record carries no operation attribute")?;
    out.extend_from_slice(&fragment[..at]);
    out.extend_from_slice(format!(" {name}=\"{value}\"").as_bytes());
    out.extend_from_slice(&fragment[at + insert.len()..]);
    Ok(())
}

fn with_members(
    members: Option<&MembersTable>,
    id: Option<&OperationId>,
    part: &Part<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let insert: Value = serde_json::from_slice(part.fragment).map_err(|_| "the record is not JSON")?;
    let mut record = insert.clone();
    if let Some(members) = members {
        for (path, template) in &members.set {
            if let Some(text) = filled(template, &insert) {
                set(&mut record, path, text)?;
            }
        }
        for path in &members.remove {
            remove(&mut record, path);
        }
    }
    if let Some(id) = id {
        carry(&mut record, id, part.id);
    }
    serde_json::to_writer(out, &record).map_err(|error| error.to_string())
}

fn pointer(path: &str) -> String {
    format!("/{path}")
}

/// `{request/url}?{…}` filled from the insert form; `None` if a member is absent.
fn filled(template: &str, insert: &Value) -> Option<String> {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (path, behind) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(insert.pointer(&pointer(path))?.as_str()?);
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

fn parent<'v>(record: &'v mut Value, path: &str) -> Option<(&'v mut Map<String, Value>, String)> {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let above = if above.is_empty() { String::new() } else { pointer(above) };
    let object = record.pointer_mut(&above)?.as_object_mut()?;
    Some((object, name.to_owned()))
}

fn set(record: &mut Value, path: &str, text: String) -> Result<(), String> {
    let (object, name) =
        parent(record, path).ok_or_else(|| format!("the record has nothing above `{path}`"))?;
    object.insert(name, Value::String(text));
    Ok(())
}

fn remove(record: &mut Value, path: &str) {
    if let Some((object, name)) = parent(record, path) {
        object.shift_remove(&name);
    }
}

/// Appends the object that carries the id, where its parent still stands.
fn carry(record: &mut Value, id: &OperationId, operation: &str) {
    let Some((object, name)) = parent(record, &id.append) else { return };
    let members = id
        .object
        .iter()
        .map(|(name, text)| (name.clone(), Value::String(text.replace("{operation}", operation))));
    let carrier = Value::Object(members.collect());
    match object.get_mut(&name).and_then(Value::as_array_mut) {
        Some(list) => list.push(carrier),
        None => drop(object.insert(name, Value::Array(vec![carrier]))),
    }
}
