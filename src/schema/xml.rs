//! XML documents against an XSD 1.0 of ours.
//!
//! The crate `xsd-schema` decides; a compiled plan answers first for documents
//! that are plainly valid. No DTD, no entity but the predefined ones, no other
//! file, bounded depth and sizes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use xsd_schema::validation::{DriveWithError, SchemaValidator, ValidationFlags, drive_quick_xml_with};
use xsd_schema::xml::ParseLimits;
use xsd_schema::{PipelineConfig, SchemaSet, load_and_process_schema};

use super::plan::Plan;
use super::shape::Shape;
use super::xml_watch::{Found, Sink, Stopped, Watcher};
use super::{SchemaError, SchemaProblem, Validator, shape_xsd, xml_message, xsd_read};

/// A document given as one buffer is refused beyond this (64 MiB).
pub const MOST_DOCUMENT_BYTES: usize = 64 << 20;
/// One attribute value or run of text, as written.
pub(super) const MOST_VALUE_BYTES: usize = 1 << 20;
/// Validators that one thread keeps compiled; beyond, it starts afresh.
const MOST_CACHED: usize = 64;

/// A compiled schema; cheap to clone, shared between threads.
#[derive(Clone)]
pub struct XmlSchema {
    inner: Arc<Inner>,
}

struct Inner {
    /// Distinguishes schemas in the per-thread cache.
    id: u64,
    source: String,
    shape: Shape,
    plan: Option<Plan>,
}

impl XmlSchema {
    /// Compiles an XSD 1.0 that stands in one document.
    ///
    /// # Errors
    /// A DTD, an import or include, a reference that does not resolve, or a
    /// construct outside the subset of `xsd_read`.
    pub fn compile(source: &str) -> Result<Self, SchemaError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let model = xsd_read::read(source)?;
        load(source)?;
        let inner = Inner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            source: source.to_owned(),
            shape: shape_xsd::from_model(&model),
            plan: Plan::compile(&model),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The places of the schema (see [`Shape`]).
    pub fn shape(&self) -> &Shape {
        &self.inner.shape
    }

    /// A validator of its own, compiled anew: for a worker thread to keep.
    pub fn validator(&self) -> Result<XmlValidator, SchemaError> {
        Ok(XmlValidator { inner: Arc::clone(&self.inner), set: load(&self.inner.source)? })
    }

    /// All problems of `document`; the calling thread keeps the compiled set.
    pub fn validate(&self, document: &[u8]) -> Vec<SchemaProblem> {
        if self.surely_valid(document) {
            return Vec::new();
        }
        match self.cached_validator() {
            Ok(mut validator) => {
                let problems = validator.validate_fully(document);
                CACHE.with_borrow_mut(|cache| cache.insert(self.inner.id, validator));
                problems
            }
            Err(error) => vec![problem("schema-unusable", error.to_string())],
        }
    }

    /// Whether the compiled plan alone knows `document` to be valid. `false`
    /// says nothing: ask [`XmlSchema::validate`].
    pub fn surely_valid(&self, document: &[u8]) -> bool {
        self.inner.plan.as_ref().is_some_and(|plan| plan.surely_valid(document))
    }

    fn cached_validator(&self) -> Result<XmlValidator, SchemaError> {
        let cached = CACHE.with_borrow_mut(|cache| {
            if cache.len() >= MOST_CACHED {
                cache.clear();
            }
            cache.remove(&self.inner.id)
        });
        cached.map_or_else(|| self.validator(), Ok)
    }
}

thread_local! {
    static CACHE: RefCell<HashMap<u64, XmlValidator>> = RefCell::new(HashMap::new());
}

/// One thread's validator: `xsd-schema`'s set is `Send`, not `Sync`.
pub struct XmlValidator {
    inner: Arc<Inner>,
    set: SchemaSet,
}

impl Validator for XmlValidator {
    fn validate(&mut self, document: &[u8]) -> Vec<SchemaProblem> {
        match &self.inner.plan {
            Some(plan) if plan.surely_valid(document) => Vec::new(),
            _ => self.validate_fully(document),
        }
    }
}

impl XmlValidator {
    /// The full validator alone, without the plan: the judge in every doubt.
    pub fn validate_fully(&mut self, document: &[u8]) -> Vec<SchemaProblem> {
        if document.len() > MOST_DOCUMENT_BYTES {
            return vec![problem(
                "limit-exceeded",
                format!("the document exceeds {MOST_DOCUMENT_BYTES} bytes"),
            )];
        }
        let findings = Rc::new(RefCell::new(Found::default()));
        let validator = SchemaValidator::new(&self.set, ValidationFlags::empty());
        let mut runtime = validator.start_run(Sink(Rc::clone(&findings)));
        runtime.set_parse_limits(limits());
        let mut watcher = Watcher { found: Rc::clone(&findings), path: Vec::new(), shape: &self.inner.shape };
        let driven = drive_quick_xml_with(document, &mut runtime, &self.set, &mut watcher);
        let stopped = match driven {
            Ok(_) => runtime.end_validation().err().map(|error| xml_message::found(&error, None)),
            Err(stop) => Some(stopped(&stop)),
        };
        drop(runtime);
        let mut found = findings.take().problems;
        found.extend(stopped.filter(|stop| found.iter().all(|known| known.code != stop.code)));
        xml_message::told(found, document, &self.inner.shape)
    }
}

fn load(source: &str) -> Result<SchemaSet, SchemaError> {
    let mut set = SchemaSet::new();
    let config = PipelineConfig { resolve_directives: false, ..PipelineConfig::full() };
    load_and_process_schema(source.as_bytes(), "schema.xsd", &mut set, Some(config))
        .map_err(|error| SchemaError::Refused(error.to_string()))?;
    let unprepared = SchemaValidator::new(&set, ValidationFlags::empty())
        .content_model_failures()
        .first()
        .map(|(_, reason)| (*reason).to_owned());
    match unprepared {
        Some(reason) => Err(SchemaError::Refused(reason)),
        None => Ok(set),
    }
}

/// Depth and sizes of an instance; the number of nodes is bounded by its bytes.
fn limits() -> ParseLimits {
    let mut limits =
        ParseLimits::none().with_max_depth(128).with_max_name_bytes(1024).with_max_attributes(256);
    limits.max_namespace_uri_bytes = Some(1024);
    limits.max_namespace_declarations = Some(32);
    limits.max_namespaces_in_scope = Some(64);
    limits.max_attribute_value_bytes = Some(MOST_VALUE_BYTES);
    limits.max_text_bytes = Some(MOST_VALUE_BYTES);
    limits
}

fn problem(code: &str, message: String) -> SchemaProblem {
    SchemaProblem { code: code.into(), path: String::new(), message, line: None, column: None }
}

/// A finding before its offset became a line and its code a sentence.
pub(super) struct RawProblem {
    pub code: String,
    /// Names with positions, root first.
    pub path: String,
    /// A name that the schema declares and the document lacks.
    pub missing: Option<String>,
    pub offset: Option<usize>,
}

fn stopped(stop: &DriveWithError<Stopped>) -> RawProblem {
    let (code, offset) = match stop {
        DriveWithError::NotWellFormed(error) => ("not-well-formed", usize::try_from(error.position()).ok()),
        DriveWithError::LimitExceeded(_) => ("limit-exceeded", None),
        DriveWithError::Hook(Stopped(code)) => (*code, None),
        DriveWithError::Io(_) | _ => ("unreadable", None),
    };
    RawProblem { code: code.into(), path: String::new(), missing: None, offset }
}
