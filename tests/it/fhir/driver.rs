//! A sender in small: delivers, asks where it does not know, halves where it is not told, and
//! writes down what it claims. Whatever it claims is held against the server's book.

use std::collections::BTreeMap;

use raccordo::channel::courier::{Asked, Courier, Outcome, PartAnswer};
use raccordo::exchange::Answer;
use raccordo::flow::OperationKind;
use raccordo::sandbox::fhir::FhirServer;

use super::{NOW, Work, parcel};

/// What the sender says of its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    Done,
    Refused,
    /// For a person to look at.
    Parked,
}

pub struct Driver<'a> {
    server: &'a FhirServer,
    courier: Box<dyn Courier>,
    pub claims: BTreeMap<String, Claim>,
    pub tries: u32,
}

impl<'a> Driver<'a> {
    pub fn new(server: &'a FhirServer, courier: Box<dyn Courier>) -> Self {
        Self { server, courier, claims: BTreeMap::new(), tries: 0 }
    }

    /// Brings a container to its end, with at most `most` tries; what is left over has no claim.
    pub async fn bring(&mut self, works: Vec<Work>, most: u32) -> Vec<Work> {
        let mut left = vec![works];
        let mut unknown: Vec<Vec<Work>> = Vec::new();
        for _ in 0..most {
            self.tries += 1;
            if let Some(asked) = unknown.pop() {
                let still = self.ask(&asked).await;
                match still {
                    Some(again) if again.is_empty() => {}
                    Some(again) => left.push(again),
                    None => unknown.push(asked),
                }
                continue;
            }
            let Some(works) = left.pop() else { return Vec::new() };
            match self.courier.deliver(&parcel(&works), NOW).await {
                Outcome::Answered(answers) => {
                    let rest = self.note(&works, &answers);
                    unknown.extend((!rest.is_empty()).then_some(rest));
                }
                Outcome::Refused { culprits, .. } if !culprits.is_empty() => {
                    let rest = self.note(&works, &culprits);
                    left.extend((!rest.is_empty()).then_some(rest));
                }
                Outcome::Refused { .. } if works.len() > 1 => {
                    let (first, second) = works.split_at(works.len() / 2);
                    left.extend([second.to_vec(), first.to_vec()]);
                }
                Outcome::Refused { .. } => self.claim(&works[0], Claim::Refused),
                Outcome::Unavailable { .. } => left.push(works),
                Outcome::Uncertain { .. } => unknown.push(works),
                Outcome::Handed { .. } => panic!("this recipient answers at once"),
            }
        }
        left.into_iter().chain(unknown).flatten().collect()
    }

    /// What must be sent again; `None` if nobody answered.
    async fn ask(&mut self, works: &[Work]) -> Option<Vec<Work>> {
        match self.courier.ask(&parcel(works), NOW).await {
            Asked::Found(found) => {
                let known: Vec<_> = found.into_iter().flatten().collect();
                Some(self.note(works, &known))
            }
            _ => None,
        }
    }

    /// Takes answers for claims; gives back what has none.
    fn note(&mut self, works: &[Work], answers: &[PartAnswer]) -> Vec<Work> {
        for answer in answers {
            let claim = match answer.answer {
                Answer::Accepted => Claim::Done,
                Answer::Refused => Claim::Refused,
                _ => Claim::Parked,
            };
            self.claim(&works[answer.part], claim);
        }
        let open = |(part, _): &(usize, &Work)| !answers.iter().any(|answer| answer.part == *part);
        works.iter().enumerate().filter(open).map(|(_, work)| work.clone()).collect()
    }

    /// No claim without the book's agreement, at the moment when it is made.
    fn claim(&mut self, work: &Work, claim: Claim) {
        let book = self.server.book();
        let count = book.count(work.resource_type(), &work.identifier());
        let agreed = match (claim, work.kind) {
            (Claim::Done, OperationKind::Cancel) => count == 0,
            (Claim::Done, _) => book.holds(&work.id),
            (Claim::Refused, _) => book.effects(&work.id) == 0,
            (Claim::Parked, _) => true,
        };
        assert!(agreed, "{} {:?} is claimed to be {claim:?}; the book has {count}", work.id, work.kind);
        let before = self.claims.insert(work.id.clone(), claim);
        assert_eq!(before, None, "{} was claimed before", work.id);
    }
}
