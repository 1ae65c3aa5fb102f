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
    /// Nothing leaves for so long.
    Wait(Duration),
    /// Nothing leaves any more, and the connection stays open.
    Stall,
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
}

impl Play {
    /// The answer as it is.
    pub(crate) fn of(answer: Answer) -> Self {
        let (length, steps): (_, Arc<[Step]>) = match answer.content {
            Content::Events(events) => (None, events.into_iter().map(Step::Send).collect()),
            Content::Whole(bytes) => {
                let length = bytes.len() as u64;
                (
                    Some(length),
                    Arc::new([Step::Send(Event {
                        bytes,
                        output: answer.usage.output,
                    })]),
                )
            }
        };
        let headers = Arc::new(answer.headers);
        Self {
            status: answer.status,
            headers,
            steps,
            length,
            usage: answer.usage,
        }
    }

    /// Output tokens generated before the first byte leaves: a whole body is.
    pub(crate) fn generated_first(&self) -> u64 {
        if self.length.is_some() {
            self.usage.output
        } else {
            0
        }
    }

    /// The response that plays it, `pause` between two events.
    pub(crate) fn respond(self, pause: Duration, charge: Charge) -> Response<Script> {
        let headers = Arc::unwrap_or_clone(self.headers);
        let body = Script {
            steps: self.steps,
            length: self.length,
            next: 0,
            pause,
            wait: None,
            charge,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
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
    next: usize,
    /// Between two events.
    pause: Duration,
    wait: Option<Pin<Box<Sleep>>>,
    charge: Charge,
}

impl Script {
    fn poll_wait(&mut self, wait: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .wait
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        ready!(sleep.as_mut().poll(cx));
        self.wait = None;
        Poll::Ready(())
    }

    fn advance(&mut self) {
        self.next += 1;
        if self.next == self.steps.len() {
            // hyper need not ask again after the last byte of a known length.
            self.charge.end(Outcome::Complete);
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            let steps = Arc::clone(&self.steps);
            match steps.get(self.next) {
                None => {
                    self.charge.end(Outcome::Complete);
                    return Poll::Ready(None);
                }
                Some(Step::Send(event)) => {
                    let pause = self.pause;
                    if !pause.is_zero() && self.next > 0 {
                        ready!(self.poll_wait(pause, cx));
                    }
                    self.charge.sent(event.bytes.len() as u64, event.output);
                    self.advance();
                    return Poll::Ready(Some(Ok(Frame::data(event.bytes.clone()))));
                }
                Some(Step::Wait(wait)) => {
                    ready!(self.poll_wait(*wait, cx));
                    self.advance();
                }
                Some(Step::Stall) => return Poll::Pending,
                Some(Step::Break) => {
                    self.charge.end(Outcome::Cut);
                    return Poll::Ready(Some(Err(Broken)));
                }
            }
        }
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
