//! One caller: a connection of its own and one call at a time on it, each checked and counted.
//!
//! Not here: when to call, and retries. A call that fails is a failure of the target.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::answer::{Answer, Malformed};
use super::{Plan, Tally};
use crate::socket;

/// A caller and its connection, opened by its first call and again after one was closed.
pub struct Caller {
    plan: Rc<Plan>,
    tally: Rc<RefCell<Tally>>,
    connection: Option<TcpStream>,
    answer: Answer,
}

/// Why a call did not come to its end.
enum Failed {
    Io(io::Error),
    Malformed(Malformed),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Malformed> for Failed {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl Caller {
    /// A caller that has not connected yet.
    pub fn new(plan: Rc<Plan>, tally: Rc<RefCell<Tally>>) -> Self {
        Self { plan, tally, connection: None, answer: Answer::default() }
    }

    /// One call that was due at `due`, to its end; when it ended.
    pub async fn call(&mut self, due: Instant) -> Instant {
        self.answer.reset();
        let result = self.exchange(due).await;
        let now = Instant::now();
        self.connection = self.count_end(due, now, result);
        if self.connection.is_none() && !self.answer.is_done() {
            super::rest().await;
        }
        now
    }

    /// Counts a call that has ended; the connection, if it can be used again.
    fn count_end(&self, due: Instant, now: Instant, result: Result<TcpStream, Failed>) -> Option<TcpStream> {
        let mut tally = self.tally.borrow_mut();
        if self.answer.events > 0 {
            tally.streaming -= 1;
        }
        match result {
            Ok(connection) => {
                tally.ended(due, now, self.fault());
                (!self.answer.closes).then_some(connection)
            }
            Err(failed) => {
                tally.failed(now, &failed.to_string());
                None
            }
        }
    }

    /// A held answer has ended, which it should not have.
    pub fn ended_early(&self) {
        let mut tally = self.tally.borrow_mut();
        tally.failed(Instant::now(), "a held stream ended");
    }

    async fn exchange(&mut self, due: Instant) -> Result<TcpStream, Failed> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.write_all(&self.plan.request).await?;
        while !self.answer.is_done() {
            let before = (self.answer.events, self.answer.bytes);
            let answer = &mut self.answer;
            socket::read(&mut connection, |bytes| match bytes {
                [] => answer.close(),
                bytes => answer.feed(bytes),
            })
            .await??;
            self.count_progress(due, before);
        }
        Ok(connection)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let connection = TcpStream::connect(self.plan.to).await?;
        connection.set_nodelay(true)?;
        self.tally.borrow_mut().connections += 1;
        Ok(connection)
    }

    fn count_progress(&self, due: Instant, (events, bytes): (u64, u64)) {
        let mut tally = self.tally.borrow_mut();
        let (new, now) = (self.answer.events - events, Instant::now());
        if events == 0 && new > 0 {
            tally.streaming += 1;
            tally.first_event(due, now);
        }
        tally.progress(now, new, self.answer.bytes - bytes);
    }

    /// What is wrong with a complete answer, if anything.
    fn fault(&self) -> Option<String> {
        let answer = &self.answer;
        let differs = |what, expected: Option<u64>, seen| {
            expected.filter(|&expected| expected != seen).map(|expected| format!("{seen} {what} instead of {expected}"))
        };
        (!(200..300).contains(&answer.status))
            .then(|| format!("status {}", answer.status))
            .or_else(|| differs("body bytes", self.plan.expect_bytes, answer.bytes))
            .or_else(|| differs("events", self.plan.expect_events, answer.events))
    }
}
