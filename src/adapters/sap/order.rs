//! The parcel as an order to the courier: whose section 6, and what is to stand in it.
//!
//! The attributes of each `politiche_attive` are for the courier and are taken off: operation,
//! codice fiscale and day of birth (`sap.xsd`).

use super::document::{Item, Key};
use super::tree;
use crate::channel::courier::Parcel;
use crate::flow::OperationKind;
use crate::personal::Personal;

/// One operation.
pub(super) struct Ours {
    /// Index in the parcel.
    pub part: usize,
    pub kind: OperationKind,
    pub key: Key,
    /// Without the attributes.
    pub item: Item,
}

impl Ours {
    /// Whether the item is to be there.
    pub fn stays(&self) -> bool {
        self.kind != OperationKind::Cancel
    }
}

/// What is to be done for one person.
pub(super) struct Order {
    pub codice_fiscale: Personal<String>,
    pub born: Personal<String>,
    /// Day of the container, ISO.
    pub day: String,
    pub ours: Vec<Ours>,
}

/// The orders of a parcel, one per person; `None` if its bytes are none.
pub(super) fn read(parcel: &Parcel) -> Option<Vec<Order>> {
    let source = std::str::from_utf8(parcel.bytes.expose()).ok()?;
    let root = tree::read(source).ok().filter(|root| root.name == "lavoratore")?;
    let day = root.child("datiinvio")?.value("dataultimoagg")?;
    let items = &root.child("politiche_attive_lst")?.children;
    if items.len() != parcel.parts.len() || items.is_empty() {
        return None;
    }
    let mut orders: Vec<Order> = Vec::new();
    for (part, (node, carried)) in items.iter().zip(&parcel.parts).enumerate() {
        let mut bare = node.clone();
        bare.attributes.clear();
        let text = format!("<{0}>{1}</{0}>", node.name, &source[node.inner.clone()]);
        let key = Key::of(node)?;
        let ours = Ours { part, kind: carried.kind, key, item: Item::new(text, bare) };
        let (person, born) = (node.attribute("codicefiscale")?, node.attribute("datadinascita")?);
        match orders.iter_mut().find(|order| order.codice_fiscale.expose() == person) {
            Some(order) => order.ours.push(ours),
            None => orders.push(Order {
                codice_fiscale: Personal::new(person.to_owned()),
                born: Personal::new(born.to_owned()),
                day: day.to_owned(),
                ours: vec![ours],
            }),
        }
    }
    Some(orders)
}
