//! Runs the tasks of a simulated process, one step of one task at a time, in an order that the seed
//! chooses. What a step sets going on other threads (the ledger's writer, blocking work) begins when the
//! step has ended, and is over before the next one: so there is one order of everything, and the seed
//! gives it back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};

use raccordo::gateway::Gateway;
use tokio::runtime::Handle;

use crate::chaos::random::Random;

pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Running {
    task: Task,
    woken: Arc<Flag>,
}

/// The tasks of one process.
pub struct Steps {
    tasks: Vec<Running>,
    gateway: Arc<Gateway>,
    blocking: Handle,
    pub taken: u64,
}

impl Steps {
    pub fn new(tasks: Vec<Task>, gateway: Arc<Gateway>, blocking: Handle) -> Self {
        let running = |task| Running { task, woken: Arc::new(Flag(AtomicBool::new(true))) };
        Self { tasks: tasks.into_iter().map(running).collect(), gateway, blocking, taken: 0 }
    }

    /// Steps until nobody can go on, or `most` steps were taken: false.
    pub fn go(&mut self, random: &mut Random, most: u64) -> bool {
        for _ in 0..most {
            let able = |number: &usize| self.tasks[*number].woken.0.load(Ordering::SeqCst);
            let ready: Vec<usize> = (0..self.tasks.len()).filter(able).collect();
            if ready.is_empty() {
                return true;
            }
            let number = *random.pick(&ready);
            let gates = self.close();
            let running = &mut self.tasks[number];
            running.woken.0.store(false, Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(&running.woken));
            let polled = running.task.as_mut().poll(&mut Context::from_waker(&waker));
            self.taken += 1;
            if polled == Poll::Ready(()) {
                drop(self.tasks.remove(number));
            }
            drop(gates);
            self.be_still();
        }
        false
    }

    /// Nothing of what the next step sets going begins before both gates are dropped.
    fn close(&self) -> [mpsc::Sender<()>; 2] {
        let (open_blocking, blocked) = mpsc::channel::<()>();
        drop(self.blocking.spawn_blocking(move || blocked.recv()));
        let (open_writer, stopped) = mpsc::channel::<()>();
        let (began, wait) = mpsc::channel();
        drop(self.gateway.books.submit(move |_| {
            let _listens = began.send(());
            let _opened = stopped.recv();
            Ok(())
        }));
        wait.recv().unwrap();
        [open_blocking, open_writer]
    }

    /// Whether every task has come to its end.
    pub fn ended(&self) -> bool {
        self.tasks.is_empty()
    }

    /// One blocking thread and one writer, each first come first served: when ours is done, all is.
    fn be_still(&self) {
        let (done, wait) = mpsc::channel();
        drop(self.blocking.spawn_blocking(move || done.send(())));
        wait.recv().unwrap();
        self.gateway.books.write(|_| Ok(())).unwrap();
    }
}
