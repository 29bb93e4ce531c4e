//! Two writers at one SAP, in every interleaving of their calls: a scheduler grants one call at a
//! time, by every sequence of choices in turn.
//!
//! What is assumed (ADR 0015): a writer's time between its last look and the end of its send is
//! shorter than the rest after a send. So a rest ends only when the other one holds no look from
//! before our send with which it may still send.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::client::{CallError, Failure, Sent};
use super::document::Sap;
use super::doubts::Doubts;
use super::order::{self, Order};
use super::rounds::{Ended, Person};
use super::service::{Found, Service, Step};
use crate::channel::courier::{Carried, Parcel};
use crate::channel::offer::Soon;
use crate::flow::OperationKind;
use crate::personal::Personal;

const CODE: &str = "AA12345678H";
const CF: &str = "XXXYYY80A01H501D";
const FOREIGN: &str = "<politiche_attive><codice_ente_promotore>F205C000001</codice_ente_promotore><identificativo_politica>F1</identificativo_politica></politiche_attive><politiche_attive><codice_ente_promotore>00000000000</codice_ente_promotore><identificativo_politica>A1</identificativo_politica><indice_profiling>0.000000000</indice_profiling></politiche_attive>";

pub(super) fn item(promoter: &str, id: &str, data: &str) -> String {
    format!(
        "<politiche_attive><codice_ente_promotore>{promoter}</codice_ente_promotore>\
         <identificativo_politica>{id}</identificativo_politica><data>{data}</data></politiche_attive>"
    )
}

pub(super) fn sap(items: &str) -> Sap {
    let source = format!("<lavoratore><politiche_attive_lst>{items}</politiche_attive_lst></lavoratore>");
    Sap::read(&source, CODE, CF).ok().unwrap()
}

/// An order: kind (I, R, C), identifier and content of each operation.
pub(super) fn order(name: &str, promoter: &str, wanted: &[(char, &str, &str)]) -> Order {
    let attributes =
        format!("<politiche_attive operazione=\"I\" codicefiscale=\"{CF}\" datadinascita=\"1980-01-01\">");
    let items = wanted
        .iter()
        .map(|(_, id, data)| item(promoter, id, data).replace("<politiche_attive>", &attributes));
    let items: String = items.collect();
    let text = format!(
        "<lavoratore><datiinvio><dataultimoagg>2026-03-01</dataultimoagg></datiinvio>\
         <politiche_attive_lst>{items}</politiche_attive_lst></lavoratore>"
    );
    let part = |(at, (kind, ..)): (usize, &(char, &str, &str))| Carried {
        id: format!("{at}.1"),
        kind: match kind {
            'I' => OperationKind::Insert,
            'R' => OperationKind::Replace,
            _ => OperationKind::Cancel,
        },
    };
    let parts = wanted.iter().enumerate().map(part).collect();
    let parcel =
        Parcel { name: name.to_owned(), bytes: Personal::new(text.into_bytes()), parts, handle: None };
    order::read(&parcel).unwrap().remove(0)
}

/// What a writer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Read,
    Send,
    Rest,
}

#[derive(Default)]
struct Hand {
    waits: Option<Gate>,
    granted: bool,
    /// When it last read and when its last send took effect.
    read: usize,
    sent: usize,
    /// Sends that are answered by silence: they take effect later, if at all.
    silent: usize,
    calls: usize,
}

/// The register and the two writers' hands.
#[derive(Default)]
struct World {
    clock: usize,
    section: Option<String>,
    hands: [Hand; 2],
    late: Vec<String>,
}

type Shared = Arc<Mutex<World>>;

/// One writer's view of the world.
#[derive(Clone)]
struct Writer {
    world: Shared,
    me: usize,
}

/// What a call does to the world, by whom.
type Act<'a, T> = Box<dyn FnOnce(&mut World, usize) -> T + Send + 'a>;

/// A call: it waits at its gate until it is granted, and then happens at once.
struct Call<'a, T> {
    writer: &'a Writer,
    gate: Gate,
    act: Option<Act<'a, T>>,
}

impl<T> Future for Call<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        let (gate, me) = (self.gate, self.writer.me);
        let world = Arc::clone(&self.writer.world);
        let mut world = world.lock().unwrap();
        let hand = &mut world.hands[me];
        if !std::mem::take(&mut hand.granted) {
            hand.waits = Some(gate);
            return Poll::Pending;
        }
        hand.waits = None;
        hand.calls += 1;
        world.clock += 1;
        let act = self.act.take().expect("a call happens once");
        Poll::Ready(act(&mut world, me))
    }
}

impl<T> Unpin for Call<'_, T> {}

impl Writer {
    fn call<'a, T: Send + 'a>(
        &'a self,
        gate: Gate,
        act: impl FnOnce(&mut World, usize) -> T + Send + 'a,
    ) -> Soon<'a, T> {
        Box::pin(Call { writer: self, gate, act: Some(Box::new(act)) })
    }
}

fn section_of(document: &str) -> String {
    let (_, list) = document.split_once("<politiche_attive_lst>").unwrap();
    list.split_once("</politiche_attive_lst>").unwrap().0.to_owned()
}

impl Service for Writer {
    fn find<'a>(&'a self, _: &'a Personal<String>) -> Soon<'a, Found> {
        self.call(Gate::Read, |world, me| {
            world.hands[me].read = world.clock;
            Ok(world.section.as_ref().map(|_| Personal::new(CODE.to_owned())))
        })
    }

    fn fetch<'a>(&'a self, _: &'a Personal<String>) -> Soon<'a, Found> {
        self.call(Gate::Read, |world, me| {
            world.hands[me].read = world.clock;
            let document = |section: &String| {
                format!(
                    "<lavoratore><datiinvio><identificativosap>{CODE}</identificativosap></datiinvio>\
                     <politiche_attive_lst>{section}</politiche_attive_lst></lavoratore>"
                )
            };
            Ok(world.section.as_ref().map(document).map(Personal::new))
        })
    }

    fn send<'a>(&'a self, document: &'a Personal<String>) -> Soon<'a, Result<Sent, CallError>> {
        self.call(Gate::Send, |world, me| {
            let first = document.expose().contains("<tipovariazione>01");
            if first && world.section.is_some() {
                return Ok(Sent::Refused { text: None });
            }
            let section = section_of(document.expose());
            if world.hands[me].silent > 0 {
                world.hands[me].silent -= 1;
                world.late.push(section);
                let (code, text) = ("no answer in time".to_owned(), None);
                return Err(CallError { failure: Failure::Uncertain, code, text, not_before: None });
            }
            world.section = Some(section);
            world.hands[me].sent = world.clock;
            Ok(Sent::Done { code: Some(Personal::new(CODE.to_owned())) })
        })
    }

    fn rest(&self, _: u32) -> Soon<'_, ()> {
        self.call(Gate::Rest, |_, _| ())
    }

    fn in_time(&self, _: Step) -> bool {
        true
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Delivers as the gateway does: an unknown outcome is asked for, what had no effect is tried again.
async fn deliver(writer: Writer, doubts: Arc<Doubts>, name: &str, order: Order) {
    for _ in 0..12 {
        let person = Person { service: &writer, doubts: &doubts, order: &order, parcel: name, now: 0 };
        match person.deliver().await {
            Ended::Stands { .. } => return,
            Ended::Uncertain { .. } => {
                let look = person.look(None).await.ok().expect("a look");
                if person.stands(&look) {
                    return;
                }
            }
            Ended::Unavailable { .. } => {}
            Ended::Refused { .. } | Ended::Otherwise { .. } => panic!("refused, or something else stands"),
        }
    }
    panic!("it never came to an end");
}

/// A writer that only fetches, merges and sends: no second look, none back.
async fn naive(writer: Writer, order: Order) {
    let cf = Personal::new(CF.to_owned());
    let Ok(Some(code)) = writer.find(&cf).await else { panic!("no SAP") };
    let Ok(Some(document)) = writer.fetch(&code).await else { panic!("no document") };
    let stands = Sap::read(document.expose(), CODE, CF).ok().unwrap();
    let written = super::merge::merge(&stands, Some(CODE), &order);
    assert!(writer.send(&written.text).await.is_ok());
}

/// One run by a list of choices; gives how many there were to choose from at each point.
fn run(world: &Shared, mut tasks: Vec<Option<Task>>, choices: &[usize]) -> Vec<usize> {
    let mut context = Context::from_waker(Waker::noop());
    let mut options = Vec::new();
    let mut poll = |task: &mut Option<Task>| {
        if task.as_mut().is_some_and(|task| task.as_mut().poll(&mut context).is_ready()) {
            *task = None;
        }
    };
    tasks.iter_mut().for_each(&mut poll);
    while tasks.iter().any(Option::is_some) {
        let enabled: Vec<usize> = {
            let world = world.lock().unwrap();
            let may = |me: usize| {
                let (mine, other) = (&world.hands[me], &world.hands[1 - me]);
                let stale = other.waits == Some(Gate::Send) && other.read < mine.sent;
                mine.waits != Some(Gate::Rest) || tasks[1 - me].is_none() || !stale
            };
            (0..2).filter(|me| tasks[*me].is_some() && may(*me)).collect()
        };
        let chosen = match choices.get(options.len()) {
            _ if enabled.len() == 1 => enabled[0],
            Some(choice) => enabled[*choice],
            // Beyond the choices they go by turns of one delivery each.
            None => enabled[0],
        };
        if enabled.len() > 1 {
            options.push(enabled.len());
        }
        world.lock().unwrap().hands[chosen].granted = true;
        poll(&mut tasks[chosen]);
    }
    options
}

/// Every sequence of choices up to a depth; gives how many there were.
fn every(depth: usize, mut with: impl FnMut(&[usize]) -> Vec<usize>) -> usize {
    let (mut choices, mut count) = (Vec::new(), 0);
    loop {
        let options = with(&choices);
        count += 1;
        assert!(options.len() < depth && count < MOST, "{count} interleavings, {} choices", options.len());
        choices.resize(options.len(), 0);
        loop {
            match choices.pop() {
                None => return count,
                Some(choice) if choice + 1 < options[choices.len()] => {
                    choices.push(choice + 1);
                    break;
                }
                Some(_) => {}
            }
        }
    }
}

/// More choices than any run has: every interleaving is met.
const DEPTH: usize = 64;
/// What would be no end.
const MOST: usize = 200_000;

const US: &str = "A944S003140";
const THEM: &str = "H501S000001";

fn world(section: Option<String>) -> Shared {
    Arc::new(Mutex::new(World { section, ..World::default() }))
}

fn count(section: &str, text: &str) -> usize {
    section.matches(text).count()
}

/// Both writers as couriers are; gives how many interleavings held.
fn both(
    start: Option<&str>,
    ours: &[(char, &str, &str)],
    theirs: &[(char, &str, &str)],
    judge: fn(&str),
) -> usize {
    every(DEPTH, |choices| {
        let shared = world(start.map(str::to_owned));
        let writers = [(0, US, ours), (1, THEM, theirs)];
        let task = |(me, promoter, wanted): (usize, &str, &[(char, &str, &str)])| {
            let writer = Writer { world: Arc::clone(&shared), me };
            let (doubts, order) = (Arc::new(Doubts::default()), order("P", promoter, wanted));
            Some(Box::pin(async move { deliver(writer, doubts, "P", order).await }) as Task)
        };
        let options = run(&shared, writers.map(task).into(), choices);
        let world = shared.lock().unwrap();
        judge(world.section.as_deref().unwrap());
        options
    })
}

#[test]
fn no_policy_is_lost_or_doubled_in_any_interleaving_of_two_couriers() {
    let inserts = both(Some(FOREIGN), &[('I', "A1", "1")], &[('I', "A1", "2")], |section| {
        assert!(section.starts_with(FOREIGN), "foreign items stay first, byte by byte: {section}");
        assert_eq!(count(section, &item(US, "A1", "1")), 1, "{section}");
        assert_eq!(count(section, &item(THEM, "A1", "2")), 1, "{section}");
        assert_eq!(count(section, "<politiche_attive>"), 4, "{section}");
    });
    let first = both(None, &[('I', "A1", "1")], &[('I', "B1", "2")], |section| {
        assert_eq!(count(section, "<politiche_attive>"), 2, "{section}");
        assert_eq!(count(section, &item(US, "A1", "1")), 1, "{section}");
        assert_eq!(count(section, &item(THEM, "B1", "2")), 1, "{section}");
    });
    let start = format!("{}{FOREIGN}{}", item(US, "A1", "old"), item(THEM, "B1", "old"));
    let changes =
        both(Some(&start), &[('R', "A1", "new"), ('I', "A2", "1")], &[('C', "B1", "old")], |section| {
            let expected = format!("{}{FOREIGN}{}", item(US, "A1", "new"), item(US, "A2", "1"));
            assert_eq!(section, expected);
        });
    println!(
        "interleavings: {inserts} of inserts, {first} of first sendings, {changes} of a change and a cancel"
    );
    // Without any repair there would be 924: 12 calls, six of each.
    assert!(inserts > 924 && first > 924 && changes > 924);
}

#[test]
fn ours_is_never_lost_to_a_writer_that_does_not_look_back() {
    let (mut lost, mut blind) = (0, 0);
    let all = every(DEPTH, |choices| {
        let shared = world(Some(FOREIGN.to_owned()));
        let (one, two) =
            (Writer { world: Arc::clone(&shared), me: 0 }, Writer { world: Arc::clone(&shared), me: 1 });
        let ours = order("P", US, &[('I', "A1", "1")]);
        let theirs = order("P", THEM, &[('I', "B1", "2")]);
        let first = Box::pin(async move { deliver(one, Arc::default(), "P", ours).await }) as Task;
        let second = Box::pin(async move { naive(two, theirs).await }) as Task;
        let options = run(&shared, vec![Some(first), Some(second)], choices);
        let world = shared.lock().unwrap();
        let section = world.section.as_deref().unwrap();
        assert!(section.starts_with(FOREIGN), "{section}");
        assert_eq!(count(section, &item(US, "A1", "1")), 1, "{section}");
        // Theirs can only be lost where it fell between our last look and our send: no look of
        // ours can tell such a history from one in which it was never there.
        if count(section, &item(THEM, "B1", "2")) == 0 {
            lost += 1;
        }
        blind += usize::from(world.hands[1].sent > 0);
        options
    });
    println!("{all} interleavings with a writer that does not look back: ours lost in 0, theirs in {lost}");
    assert!(all == blind && lost * 4 < all, "{lost} of {all}");
}

/// Polls a future that meets no gate it is not granted.
fn alone<T>(world: &Shared, future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        world.lock().unwrap().hands[0].granted = true;
    }
}

/// Our send is met by silence; then the register changes to `meanwhile`, is asked, changes to
/// `later`, and our next container comes.
fn late(meanwhile: &str, then: Option<&str>, later: impl FnOnce(&str) -> String) -> String {
    let shared = world(Some(FOREIGN.to_owned()));
    let writer = Writer { world: Arc::clone(&shared), me: 0 };
    let doubts = Doubts::default();
    let first = order("1", US, &[('I', "A1", "1")]);
    let person = |order, parcel| Person { service: &writer, doubts: &doubts, order, parcel, now: 0 };
    shared.lock().unwrap().hands[0].silent = 1;
    let ended = alone(&shared, person(&first, "1").deliver());
    assert!(matches!(ended, Ended::Uncertain { .. }));
    for state in [Some(meanwhile), then].into_iter().flatten() {
        shared.lock().unwrap().section = Some(state.to_owned());
        let asked = alone(&shared, person(&first, "1").look(None)).ok().unwrap();
        assert!(!person(&first, "1").stands(&asked));
    }
    {
        let mut world = shared.lock().unwrap();
        let sent = world.late.remove(0);
        world.section = Some(later(&sent));
    }
    let second = order("2", US, &[('I', "A1", "1"), ('I', "A2", "1")]);
    assert!(matches!(alone(&shared, person(&second, "2").deliver()), Ended::Stands { .. }));
    shared.lock().unwrap().section.clone().unwrap()
}

#[test]
fn what_a_late_send_of_ours_overwrote_is_put_back_and_nothing_else() {
    let (theirs, other) = (item(THEM, "B1", "2"), item(THEM, "B2", "2"));
    let ours = format!("{}{}", item(US, "A1", "1"), item(US, "A2", "1"));
    let with = format!("{FOREIGN}{theirs}");
    let back = late(&with, None, str::to_owned);
    assert_eq!(back, format!("{FOREIGN}{theirs}{ours}"), "it came late, over theirs");
    let both = format!("{FOREIGN}{theirs}{other}");
    let removed = late(&both, Some(&with), str::to_owned);
    assert_eq!(removed, format!("{FOREIGN}{theirs}{ours}"), "they took one away themselves");
    let never = late(&with, None, |_| FOREIGN.to_owned());
    assert_eq!(never, format!("{FOREIGN}{ours}"), "it never came: they took theirs away");
    let after = late(&with, None, |sent| format!("{sent}{other}"));
    assert_eq!(
        after,
        format!("{FOREIGN}{}{other}{}", item(US, "A1", "1"), item(US, "A2", "1")),
        "they wrote since"
    );
}
