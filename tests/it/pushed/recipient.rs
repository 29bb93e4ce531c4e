//! A register that takes containers whole or not at all, keeps its own book, and answers badly.

use std::collections::BTreeMap;

use raccordo::exchange::*;

/// What the register holds of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub content: Hash,
    pub generation: u64,
}

#[derive(Default)]
pub struct Recipient {
    pub book: BTreeMap<RecordId, Entry>,
    /// How often an operation changed the book.
    pub effects: BTreeMap<(RecordId, u64), u32>,
    /// Newest generation that changed a record.
    pub newest: BTreeMap<RecordId, u64>,
    /// Names what it refuses, or refuses the whole.
    pub attributes: bool,
    /// Takes containers and says what came of them only when asked, by the number it gave.
    pub later: bool,
    /// What it will say: the operations at fault, or none.
    pub kept: BTreeMap<String, Option<Vec<i64>>>,
}

/// Content that the register refuses.
pub fn is_refused(content: &Hash) -> bool {
    content[0] % 5 == 4
}

impl Recipient {
    /// Works on a container; `Err` names the operations at fault.
    pub fn receive(
        &mut self,
        operations: &[Operation],
        needs: &BTreeMap<RecordId, RecordId>,
    ) -> Result<(), Vec<i64>> {
        let brings = |id: &RecordId| {
            self.book.contains_key(id)
                || operations.iter().any(|op| op.record == *id && op.kind != Kind::Cancel)
        };
        let at_fault: Vec<i64> = operations
            .iter()
            .filter(|op| op.kind != Kind::Cancel)
            .filter(|op| is_refused(&op.content) || needs.get(&op.record).is_some_and(|need| !brings(need)))
            .map(|op| op.id)
            .collect();
        if !at_fault.is_empty() {
            return Err(at_fault);
        }
        for op in operations {
            self.apply(op);
        }
        Ok(())
    }

    /// Keeps what came of a container under a number of its own.
    pub fn keep(&mut self, at_fault: Option<Vec<i64>>) -> String {
        let handle = format!("U{}", self.kept.len());
        self.kept.insert(handle.clone(), at_fault);
        handle
    }

    /// Conditional create, update and delete: a repetition changes nothing.
    fn apply(&mut self, op: &Operation) {
        let entry = Entry { content: op.content, generation: op.generation };
        let before = self.book.get(&op.record).copied();
        match op.kind {
            Kind::Insert => {
                self.book.entry(op.record).or_insert(entry);
            }
            Kind::Replace => {
                self.book.insert(op.record, entry);
            }
            Kind::Cancel => {
                self.book.remove(&op.record);
            }
        }
        if before != self.book.get(&op.record).copied() {
            *self.effects.entry((op.record, op.generation)).or_default() += 1;
            let newest = self.newest.entry(op.record).or_default();
            assert!(*newest <= op.generation, "no older operation takes effect after a newer one");
            *newest = op.generation;
        }
    }

    /// What it says when asked about an operation; `None` = it did not take effect.
    pub fn asked(&self, op: &Operation) -> Option<Answer> {
        let held = self.book.get(&op.record);
        match (op.kind, held) {
            (Kind::Cancel, None) => Some(Answer::Accepted),
            (_, Some(entry)) if entry.generation == op.generation && op.kind != Kind::Cancel => {
                Some(Answer::Accepted)
            }
            (Kind::Insert, Some(_)) => Some(Answer::Failed),
            _ => None,
        }
    }
}
