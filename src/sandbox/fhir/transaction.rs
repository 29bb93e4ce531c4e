//! A transaction as R4 has it: all or nothing; DELETE, POST, PUT, GET; conditions judged by what
//! is there at that step; references resolved when all has its place (R4 §3.1.0.11.2).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::book::{Book, Commit, Held, is_operation};
use super::issue::Problem;
use super::references;
use super::script::Script;
use super::steps::{self, By, Condition, Deed, Step};
use super::token::{Token, hash, identifiers, tags};
use crate::sandbox::clock::rfc3339;

/// What a transaction comes to; nothing of it stands before it is committed.
pub(super) struct Done {
    pub commit: Commit,
    pub bodies: Vec<(String, Value)>,
    pub response: Value,
}

/// What is written at a place, as long as nothing is committed.
struct Pending {
    step: usize,
    held: Held,
    body: Value,
}

/// The book with this transaction's changes over it.
pub(super) struct Draft<'a> {
    book: &'a Book,
    pending: BTreeMap<String, Pending>,
    given: u64,
    now_ms: i64,
}

/// What became of a step.
struct Worked {
    status: u16,
    place: Option<(String, String)>,
    existing: bool,
}

/// Works out a Bundle.
pub(super) fn transact(book: &Book, bundle: &Value, script: &Script, now_ms: i64) -> Result<Done, Problem> {
    let steps = steps::read(bundle, script)?;
    let mut draft = Draft { book, pending: BTreeMap::new(), given: book.given(), now_ms };
    let mut results: BTreeMap<usize, Worked> = BTreeMap::new();
    let mut order: Vec<&Step> = steps.iter().collect();
    order.sort_by_key(|step| (step.rank(), step.index));
    let mut touched = BTreeSet::new();
    for step in order {
        let result = draft.work(step)?;
        let unique = matches!(step.deed, Deed::Delete(_) | Deed::Update { .. });
        if let Some(place) = result.place.clone().filter(|_| unique)
            && !touched.insert(place)
        {
            let text = "this resource occurs twice in the transaction";
            return Err(Problem::at(400, step.index, "request", "duplicate", text));
        }
        results.insert(step.index, result);
    }
    draft.resolve(&steps, &results)?;
    draft.settle(script);
    Ok(draft.done(&steps, &results))
}

/// The id of the operation that a resource carries.
pub(super) fn operation(resource: &Value) -> Option<String> {
    let tags = resource["meta"]["tag"].as_array()?;
    let ours = tags.iter().find(|tag| tag["system"].as_str().is_some_and(is_operation))?;
    ours["code"].as_str().map(str::to_owned)
}

/// Hash of what a resource says, without its version and time; the order of tags says nothing.
fn content(body: &Value, tags: &[(String, String)]) -> String {
    let mut body = body.clone();
    if let Some(meta) = body["meta"].as_object_mut() {
        ["versionId", "lastUpdated", "tag"].iter().for_each(|name| _ = meta.remove(*name));
    }
    let tags: BTreeSet<_> = tags.iter().collect();
    hash(&format!("{body}|{tags:?}"))
}

impl Draft<'_> {
    fn work(&mut self, step: &Step) -> Result<Worked, Problem> {
        let kind = step.resource_type.as_str();
        match &step.deed {
            Deed::Delete(by) => {
                let id = self.one(step, by, "request.url")?.filter(|id| self.standing(kind, id).is_some());
                let Some(id) = id else { return Ok(Worked { status: 204, place: None, existing: false }) };
                self.delete(step, &id);
                Ok(Worked { status: 204, place: Some((kind.to_owned(), id)), existing: false })
            }
            Deed::Create(condition) => {
                let condition = condition.clone().map(By::Condition);
                let found = match &condition {
                    Some(by) => self.one(step, by, "request.ifNoneExist")?,
                    None => None,
                };
                let (existing, id) = found.map_or_else(|| (false, self.new_id()), |id| (true, id));
                if !existing {
                    self.write(step, &id);
                }
                let status = if existing { 200 } else { 201 };
                Ok(Worked { status, place: Some((kind.to_owned(), id)), existing })
            }
            Deed::Update { by, if_match } => {
                let id = self.one(step, by, "request.url")?;
                let current = id.as_deref().and_then(|id| self.standing(kind, id)).map(|held| held.version);
                if if_match.is_some() && *if_match != current {
                    let text = "the resource has another version than ifMatch says";
                    return Err(Problem::at(412, step.index, "request.ifMatch", "conflict", text));
                }
                let own = step.resource["id"].as_str().filter(|id| steps::is_id(id)).map(str::to_owned);
                let id = id.or(own).unwrap_or_else(|| self.new_id());
                self.write(step, &id);
                let status = if current.is_some() { 200 } else { 201 };
                Ok(Worked { status, place: Some((kind.to_owned(), id)), existing: false })
            }
            Deed::Read(id) => match self.standing(kind, id) {
                Some(_) => {
                    Ok(Worked { status: 200, place: Some((kind.to_owned(), id.clone())), existing: true })
                }
                None => Err(Problem::at(404, step.index, "request.url", "not-found", "not here")),
            },
        }
    }

    /// The one resource that is meant, or none; 412 if it could be more than one.
    fn one(&self, step: &Step, by: &By, path: &str) -> Result<Option<String>, Problem> {
        let condition = match by {
            By::Id(id) => return Ok(Some(id.clone())),
            By::Condition(condition) => condition,
        };
        let mut found = self.find(&step.resource_type, &condition.token);
        if found.len() > 1 {
            let Condition { query, .. } = condition;
            let text = format!("{}?{query} matches {} resources", step.resource_type, found.len());
            return Err(Problem::at(412, step.index, path, "multiple-matches", text));
        }
        Ok(found.pop())
    }

    /// Ids of what carries an identifier or tag, this transaction's changes included.
    pub fn find(&self, resource_type: &str, token: &Token) -> Vec<String> {
        let unchanged = |id: &String| !self.pending.contains_key(&format!("{resource_type}/{id}"));
        let before = self.book.find(resource_type, token).into_iter().filter(unchanged);
        let now = self.pending.values().map(|pending| &pending.held).filter(|held| {
            let carries = || held.names().iter().any(|name| token.is(name));
            held.resource_type == resource_type && !held.deleted && carries()
        });
        before.chain(now.map(|held| held.id.clone())).collect()
    }

    /// A resource that is there, this transaction's changes included.
    pub fn standing(&self, resource_type: &str, id: &str) -> Option<&Held> {
        let pending = self.pending.get(&format!("{resource_type}/{id}")).map(|pending| &pending.held);
        pending.or_else(|| self.book.entry(resource_type, id)).filter(|held| !held.deleted)
    }

    fn new_id(&mut self) -> String {
        self.given += 1;
        self.given.to_string()
    }

    /// The version that the next change of a resource has.
    fn next_version(&self, step: &Step, id: &str) -> u64 {
        self.book.entry(&step.resource_type, id).map_or(0, |held| held.version) + 1
    }

    fn delete(&mut self, step: &Step, id: &str) {
        let mut held = self.held(step, id);
        (held.deleted, held.tags, held.identifiers) = (true, Vec::new(), Vec::new());
        self.pending.insert(held.place(), Pending { step: step.index, held, body: Value::Null });
    }

    fn write(&mut self, step: &Step, id: &str) {
        let held = self.held(step, id);
        let mut body = step.resource.clone();
        body["id"] = json!(id);
        self.pending.insert(held.place(), Pending { step: step.index, held, body });
    }

    fn held(&self, step: &Step, id: &str) -> Held {
        Held {
            resource_type: step.resource_type.clone(),
            id: id.to_owned(),
            version: self.next_version(step, id),
            updated_ms: self.now_ms,
            tags: tags(&step.resource),
            identifiers: identifiers(&step.resource),
            content: String::new(),
            deleted: false,
        }
    }

    /// Gives every reference its place: those to this Bundle's entries, and the conditional ones.
    fn resolve(&mut self, steps: &[Step], results: &BTreeMap<usize, Worked>) -> Result<(), Problem> {
        let place = |step: &Step| {
            let (kind, id) = results.get(&step.index)?.place.as_ref()?;
            Some((step.full_url.clone()?, format!("{kind}/{id}")))
        };
        let places: BTreeMap<_, _> = steps.iter().filter_map(place).collect();
        let mut pending = std::mem::take(&mut self.pending);
        let bodies: Vec<_> =
            pending.values_mut().map(|pending| (pending.step, std::mem::take(&mut pending.body))).collect();
        self.pending = pending;
        let (mut resolved, mut issues) = (BTreeMap::new(), Vec::new());
        for (step, mut body) in bodies {
            references::resolve(step, "resource", &mut body, &places, self, &mut issues);
            resolved.insert(step, body);
        }
        for pending in self.pending.values_mut() {
            pending.body = resolved.remove(&pending.step).unwrap_or_default();
        }
        if issues.is_empty() { Ok(()) } else { Err(Problem { status: 400, issues }) }
    }

    /// Hashes what is written, and takes back what changes nothing.
    fn settle(&mut self, script: &Script) {
        let book = self.book;
        for pending in self.pending.values_mut().filter(|pending| !pending.held.deleted) {
            let before = book.entry(&pending.held.resource_type, &pending.held.id);
            if let Some(before) = before.filter(|before| script.keep_tags && !before.deleted) {
                let new = pending.held.tags.clone();
                pending.held.tags.extend(before.tags.iter().filter(|tag| !new.contains(tag)).cloned());
            }
            pending.held.content = content(&pending.body, &pending.held.tags);
        }
        let same = |pending: &Pending| {
            let before = book.entry(&pending.held.resource_type, &pending.held.id);
            before.is_some_and(|before| !before.deleted && before.content == pending.held.content)
        };
        self.pending.retain(|_, pending| !same(pending));
    }

    fn done(self, steps: &[Step], results: &BTreeMap<usize, Worked>) -> Done {
        let entries: Vec<_> =
            steps.iter().filter_map(|step| Some(self.answer(step, results.get(&step.index)?))).collect();
        let mut commit = Commit::default();
        for step in steps {
            let Some(result) = results.get(&step.index) else { continue };
            let place = result.place.as_ref().map(|(kind, id)| format!("{kind}/{id}"));
            let (Some(place), Some(operation)) = (place, operation(&step.resource)) else { continue };
            if result.existing && step.resource_type == "Patient" {
                commit.known.push((operation, place));
            } else if self.pending.contains_key(&place) && !result.existing {
                commit.operations.insert(operation);
            }
        }
        let mut bodies = Vec::new();
        for (place, pending) in self.pending {
            if !pending.held.deleted {
                bodies.push((place, pending.body));
            }
            commit.changes.push(pending.held);
        }
        let response = json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": entries });
        Done { commit, bodies, response }
    }

    fn answer(&self, step: &Step, result: &Worked) -> Value {
        let words = match result.status {
            201 => "201 Created",
            204 => "204 No Content",
            _ => "200 OK",
        };
        let mut answer = json!({ "response": { "status": words } });
        let held = result.place.as_ref().and_then(|(kind, id)| self.standing(kind, id));
        if let Some(held) = held {
            let response = &mut answer["response"];
            response["location"] = json!(format!("{}/_history/{}", held.place(), held.version));
            response["etag"] = json!(format!("W/\"{}\"", held.version));
            response["lastModified"] = json!(rfc3339(held.updated_ms));
        }
        if let (Deed::Read(_), Some(held)) = (&step.deed, held) {
            answer["resource"] = self.book.body(held);
        }
        answer
    }
}
