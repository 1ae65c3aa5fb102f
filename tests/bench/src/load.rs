//! The load generator: what to send ([`Plan`]), how it arrives ([`Arrival`]), and one run of it.
//! One thread, HTTP/1.1 written by hand, so that the generator costs far less than what it loads.
//!
//! It believes nothing: an answer counts as done only when it is complete, its status is 2xx and
//! its body has the bytes and events that were expected. What it does not do: choose bodies,
//! start targets, read anybody's processor time. The driver does.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use std::{cell::RefCell, io};

use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

mod answer;
mod arrivals;
mod caller;
mod plan;
mod tally;

pub use plan::{InvalidPlan, Plan};
pub use tally::Tally;

use arrivals::Arrivals;
use caller::Caller;

/// How calls arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrival {
    /// Each of `callers` calls again as soon as it was answered: saturation. Callers start spread
    /// over `ramp`; with `hold` each calls once, and its answer is expected not to end.
    Closed {
        /// Connections, each with one call at a time.
        callers: usize,
        /// Over how long they start.
        ramp: Duration,
        /// Call once only.
        hold: bool,
    },
    /// Calls are due at fixed times whether or not earlier ones were answered, and latency counts
    /// from when a call was due, so that a stall is charged to every call it delayed.
    Open {
        /// Calls a second.
        rate: f64,
        /// Connections at most; a call that finds none free waits, and its latency runs.
        callers: usize,
    },
}

/// Runs a plan to its end. `counting` is called when the warm-up is over, so that whoever reads
/// the target's processor time can begin where the counts do.
///
/// # Errors
/// When the runtime or the arrival clock cannot be had. What fails at the target is counted, and
/// is no error of the run.
pub fn run(plan: Plan, counting: impl FnOnce()) -> io::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let start = Instant::now();
        let tally = Rc::new(RefCell::new(Tally::between(start + plan.warmup, start + plan.warmup + plan.length)));
        let callers = Callers { plan: Rc::new(plan), tally: Rc::clone(&tally), queue: Rc::default() };
        let (from, until) = (tally.borrow().from, tally.borrow().until);
        let run = async {
            sleep_until(from).await;
            counting();
            sleep_until(until).await;
        };
        tokio::select! {
            result = callers.arrive() => result?,
            () = run => {}
        }
        let mut tally = tally.take();
        tally.waiting = callers.queue.due.borrow().len();
        Ok(tally)
    })
}

struct Callers {
    plan: Rc<Plan>,
    tally: Rc<RefCell<Tally>>,
    queue: Rc<Queue>,
}

impl Callers {
    /// Never ends by itself, except with an error; dropped at the end of the run.
    async fn arrive(&self) -> io::Result<()> {
        match self.plan.arrival {
            Arrival::Closed { callers, ramp, hold } => self.closed(callers, ramp, hold).await,
            Arrival::Open { rate, callers } => self.open(rate, callers).await?,
        }
        Ok(())
    }

    fn caller(&self) -> Caller {
        Caller::new(Rc::clone(&self.plan), Rc::clone(&self.tally))
    }

    async fn closed(&self, callers: usize, ramp: Duration, hold: bool) {
        let mut running = JoinSet::new();
        let start = Instant::now();
        for n in 0..callers {
            let mut caller = self.caller();
            let after = ramp.mul_f64(n as f64 / callers as f64);
            running.spawn_local(async move {
                sleep_until(start + after).await;
                let mut due = Instant::now();
                loop {
                    due = caller.call(due).await;
                    if hold {
                        caller.ended_early();
                        return;
                    }
                }
            });
        }
        while running.join_next().await.is_some() {}
        std::future::pending().await
    }

    async fn open(&self, rate: f64, callers: usize) -> io::Result<()> {
        let arrivals = Arrivals::every(Duration::from_secs_f64(1.0 / rate))?;
        let mut running = JoinSet::new();
        let mut due = arrivals.start();
        loop {
            for _ in 0..arrivals.passed().await? {
                due += arrivals.period();
                self.queue.due.borrow_mut().push_back(due);
                if self.queue.idle.get() == 0 && running.len() < callers {
                    let (mut caller, queue) = (self.caller(), Rc::clone(&self.queue));
                    running.spawn_local(async move {
                        loop {
                            let due = queue.next().await;
                            caller.call(due).await;
                        }
                    });
                }
                self.queue.filled.notify_one();
            }
        }
    }
}

/// Calls that are due and not yet taken by a caller.
#[derive(Default)]
struct Queue {
    due: RefCell<VecDeque<Instant>>,
    filled: Notify,
    idle: std::cell::Cell<usize>,
}

impl Queue {
    async fn next(&self) -> Instant {
        loop {
            if let Some(due) = self.due.borrow_mut().pop_front() {
                return due;
            }
            self.idle.set(self.idle.get() + 1);
            self.filled.notified().await;
            self.idle.set(self.idle.get() - 1);
        }
    }
}

/// How long a caller rests after a failed call, so that a target that is down is not spun on.
const REST: Duration = Duration::from_millis(10);

async fn rest() {
    sleep(REST).await;
}

fn loopback(addr: SocketAddr) -> Option<SocketAddr> {
    addr.ip().is_loopback().then_some(addr)
}
