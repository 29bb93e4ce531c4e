//! The validation plan: a schema compiled to tables that know valid documents
//! when they see them.
//!
//! A plan says "surely valid" or nothing. It never refuses: whatever it does
//! not know goes to the full validator, whose verdict and messages stand. So
//! the plan changes the cost of valid documents and no verdict.

use super::plan_scan::Scan;
use super::plan_value::ValueCheck;
use super::xsd_model::{ComplexType, Content, Element, Model};

/// Attributes of one element that a plan can tell apart (bits of a mask).
const MOST_ATTRIBUTES: usize = 64;

/// A compiled schema. Immutable; shared between threads.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) namespace: Box<[u8]>,
    pub(super) root: ElementPlan,
}

/// One element.
#[derive(Clone, Debug)]
pub(super) struct ElementPlan {
    pub name: Box<[u8]>,
    pub attributes: Vec<AttributePlan>,
    /// One bit per attribute that must stand.
    pub required: u64,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub(super) struct AttributePlan {
    pub name: Box<[u8]>,
    /// `None`: ask the full validator.
    pub check: Option<ValueCheck>,
}

/// What stands between the tags.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Children in this order; empty for an element without content.
    Sequence(Vec<ChildPlan>),
    Text(ValueCheck),
    /// Ask the full validator.
    Unsure,
}

#[derive(Clone, Debug)]
pub(super) struct ChildPlan {
    pub element: ElementPlan,
    pub min: u32,
    pub max: u32,
}

impl Plan {
    /// `None` if the schema has more than one root, or none.
    pub(super) fn compile(model: &Model) -> Option<Self> {
        let [root] = model.roots.as_slice() else { return None };
        let single_namespace = model.qualified || model.namespace.is_empty();
        single_namespace.then_some(())?;
        Some(Self { namespace: model.namespace.as_bytes().into(), root: element(root) })
    }

    /// Whether `document` is certainly well-formed and valid.
    pub fn surely_valid(&self, document: &[u8]) -> bool {
        Scan::new(document).is_some_and(|mut scan| scan.document(self).is_some())
    }
}

fn element(element: &Element) -> ElementPlan {
    let name = element.name.as_bytes().into();
    let empty = ComplexType::default();
    let complex = match &element.content {
        Content::Complex(complex) => complex,
        Content::Simple(_) => &empty,
    };
    let small = complex.attributes.len() <= MOST_ATTRIBUTES;
    let attributes = complex.attributes.iter().take(MOST_ATTRIBUTES).map(|attribute| AttributePlan {
        name: attribute.name.as_bytes().into(),
        check: attribute.plain.then(|| ValueCheck::compile(&attribute.value)).flatten(),
    });
    let required = complex.attributes.iter().take(MOST_ATTRIBUTES).enumerate();
    let required = required.fold(0, |mask, (at, attribute)| mask | u64::from(attribute.required) << at);
    let body = if small && element.plain { body(&element.content) } else { Body::Unsure };
    ElementPlan { name, attributes: attributes.collect(), required, body }
}

fn body(content: &Content) -> Body {
    let text = match content {
        Content::Simple(simple) => Some(simple),
        Content::Complex(complex) => complex.text.as_ref(),
    };
    match (text, content) {
        (Some(simple), _) => ValueCheck::compile(simple).map_or(Body::Unsure, Body::Text),
        (None, Content::Complex(complex)) if complex.sequence => {
            let standing = complex.children.iter().filter(|child| child.occurs.max != Some(0));
            Body::Sequence(standing.map(child).collect())
        }
        _ => Body::Unsure,
    }
}

fn child(child: &Element) -> ChildPlan {
    let max = child.occurs.max.unwrap_or(u32::MAX);
    ChildPlan { element: element(child), min: child.occurs.min, max }
}
