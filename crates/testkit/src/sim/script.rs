//! How a body leaves: a list of steps, and the body that hyper plays it as.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::answer::{Answer, Content, Event};
use super::bill::{Charge, Outcome};
use super::reply::Usage;

/// One step of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// These bytes leave.
    Send(Event),
    /// Nothing leaves any more but a ping each so often, if there is one.
    Stall(Option<(Duration, Bytes)>),
    /// The connection (HTTP/1.1) or the stream (HTTP/2) ends here, unfinished.
    Break,
}

/// An answer that is ready to leave, any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Play {
    pub status: StatusCode,
    pub headers: Arc<HeaderMap>,
    pub steps: Arc<[Step]>,
    /// The length to announce; none for a stream.
    pub length: Option<u64>,
    pub usage: Usage,
    /// How the entry in the bill ends once all steps are done.
    pub end: Outcome,
}

impl Play {
    /// The answer as it is.
    pub(crate) fn of(answer: Answer) -> Self {
        let (length, steps): (_, Arc<[Step]>) = match answer.content {
            Content::Events(events) => (None, events.into_iter().map(Step::Send).collect()),
            Content::Whole(bytes) => {
                let length = bytes.len() as u64;
                (Some(length), Arc::new([Step::Send(Event { bytes, output: answer.usage.output })]))
            }
        };
        let headers = Arc::new(answer.headers);
        let (status, usage) = (answer.status, answer.usage);
        let end = if status.as_u16() < 400 { Outcome::Complete } else { Outcome::Error };
        Self { status, headers, steps, length, usage, end }
    }

    /// Output tokens generated before the first byte leaves: a whole body is.
    pub(crate) fn generated_first(&self) -> u64 {
        if self.length.is_some() { self.usage.output } else { 0 }
    }

    /// The response that plays it, `pause` between two events.
    pub(crate) fn respond(self, pause: Duration, charge: Charge) -> Response<Script> {
        let body = Script { steps: self.steps, length: self.length, end: self.end, next: 0, pause, wait: None, charge };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = Arc::unwrap_or_clone(self.headers);
        response
    }
}

/// A body that ended before its time, on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the simulated provider broke the stream")]
pub(crate) struct Broken;

/// A body that follows its steps. Dropped early, it charges for what had left.
pub(crate) struct Script {
    steps: Arc<[Step]>,
    length: Option<u64>,
    end: Outcome,
    next: usize,
    /// Between two events.
    pause: Duration,
    wait: Option<Pin<Box<Sleep>>>,
    charge: Charge,
}

impl Script {
    fn poll_wait(&mut self, wait: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        ready!(sleep.as_mut().poll(cx));
        self.wait = None;
        Poll::Ready(())
    }

    fn poll_event(&mut self, event: &Event, cx: &mut Context<'_>) -> Poll<Bytes> {
        if !self.pause.is_zero() && self.next > 0 {
            ready!(self.poll_wait(self.pause, cx));
        }
        self.charge.sent(event.bytes.len() as u64, event.output);
        self.next += 1;
        if self.next == self.steps.len() {
            // hyper need not ask again after the last byte of a known length.
            self.charge.end(self.end);
        }
        Poll::Ready(event.bytes.clone())
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let steps = Arc::clone(&self.steps);
        let bytes = match steps.get(self.next) {
            None => {
                let end = self.end;
                self.charge.end(end);
                return Poll::Ready(None);
            }
            Some(Step::Break) => {
                self.charge.end(Outcome::Cut);
                return Poll::Ready(Some(Err(Broken)));
            }
            Some(Step::Stall(None)) => return Poll::Pending,
            Some(Step::Stall(Some((every, ping)))) => {
                ready!(self.poll_wait(*every, cx));
                ping.clone()
            }
            Some(Step::Send(event)) => ready!(self.poll_event(event, cx)),
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.next >= self.steps.len()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) if self.next == 0 => SizeHint::with_exact(length),
            _ => SizeHint::default(),
        }
    }
}
