//! An adversarial register: it refuses, rewinds, repeats, loses and matches as it likes.

use std::collections::BTreeMap;

use raccordo::exchange::*;

/// What the register holds: whose it is (known to the test only), key and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub record: RecordId,
    pub key: Hash,
    pub content: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// A cancel removes what has the same key.
    ByKey,
    /// A cancel removes what has the same content.
    ByContent,
}

pub struct Inps {
    pub book: Vec<Entry>,
    pub since: Millis,
    pub matching: Matching,
    /// A refused flow moves `since` too.
    pub refusals_advance: bool,
    /// The verdict per flow name: one flow has one verdict.
    pub verdicts: BTreeMap<(String, Millis), Answer>,
    /// Bytes seen per flow name.
    pub seen: BTreeMap<(String, Millis), (RecordId, Hash, Kind)>,
    pub esiti: Vec<Receipt>,
    pub double_effects: u32,
    pub highest: Millis,
}

impl Inps {
    pub fn new(matching: Matching, refusals_advance: bool) -> Self {
        Self {
            book: Vec::new(),
            since: 0,
            matching,
            refusals_advance,
            verdicts: BTreeMap::new(),
            seen: BTreeMap::new(),
            esiti: Vec::new(),
            double_effects: 0,
            highest: 0,
        }
    }

    /// Acquires a page up to the `stop`-th flow; `verdict` is asked once per flow.
    pub fn acquire(&mut self, page: &[Offered], stop: usize, mut verdict: impl FnMut() -> Answer) {
        for offered in page.iter().take(stop) {
            let id = (offered.submission.name.clone(), offered.submission.timestamp);
            let bytes = (offered.operation.record, offered.operation.content, offered.operation.kind);
            assert_eq!(*self.seen.entry(id.clone()).or_insert(bytes), bytes, "a flow keeps its bytes");
            let known = self.verdicts.get(&id).copied();
            let answer = known.unwrap_or_else(|| self.judge(&offered.operation, verdict()));
            self.verdicts.insert(id, answer);
            self.esiti.push(receipt(&offered.submission, answer));
            // Assumption A6: what has an effect moves the cursor.
            let has_effect = answer == Answer::Accepted || answer == Answer::Failed;
            if has_effect || self.refusals_advance {
                self.since = offered.submission.timestamp;
                self.highest = self.highest.max(self.since);
            }
        }
    }

    fn judge(&mut self, operation: &Operation, wish: Answer) -> Answer {
        match wish {
            Answer::Accepted => {}
            // A failure says nothing of its effect: content decides whether it took place.
            Answer::Failed if operation.content[0].is_multiple_of(2) => {
                self.judge(operation, Answer::Accepted);
                return wish;
            }
            _ => return wish,
        }
        match operation.kind {
            Kind::Cancel => self.cancel(operation),
            Kind::Insert | Kind::Replace => {
                let double =
                    self.book.iter().any(|e| e.key == operation.register_key || e.record == operation.record);
                self.double_effects += u32::from(double);
                let (key, content) = (operation.register_key, operation.content);
                self.book.push(Entry { record: operation.record, key, content });
                Answer::Accepted
            }
        }
    }

    fn cancel(&mut self, operation: &Operation) -> Answer {
        let matching = self.matching;
        let hit = |entry: &Entry| match matching {
            Matching::ByKey => entry.key == operation.register_key,
            Matching::ByContent => entry.content == operation.content && entry.key == operation.register_key,
        };
        let before = self.book.len();
        self.book.retain(|entry| !hit(entry));
        match before - self.book.len() {
            0 => Answer::NotFound,
            1 => Answer::Accepted,
            _ => {
                self.double_effects += 1;
                Answer::Accepted
            }
        }
    }
}

pub fn receipt(submission: &Submission, answer: Answer) -> Receipt {
    Receipt {
        name: submission.name.clone(),
        timestamp: submission.timestamp,
        answer,
        code: String::new(),
        text: None,
        acquired_as: None,
    }
}
