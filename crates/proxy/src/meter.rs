//! Step 7, meter: the answer's bytes on their way to the caller, read in passing.
//!
//! The bytes are the provider's, but for the one usage chunk that was asked for on our behalf. A stream that
//! breaks off never ends like a finished one: the caller gets an error event in its dialect, and then the
//! connection breaks. Whatever happens, the [`Settlement`] inside ends with the body.

mod drain;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use sidegate_dialects::headers::response_header_passes;
use sidegate_dialects::meter::{Framing, Meter, Terminal};
use sidegate_dialects::refuse::error_event;
use sidegate_policy::{Class, Dialect, Fault, Operation, Reason};
use thiserror::Error;
use tokio::time::Instant;

use self::drain::drain;
use crate::dispatch::deadline::Deadline;
use crate::dispatch::pool::Lease;
use crate::dispatch::{Answered, attempt};
use crate::refuse::SHOULD_RETRY;
use crate::reserve::tell_headroom;
use crate::settle::{End, Settlement};

/// How many attempts an answer took, where it was more than one.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-sidegate-attempts");

/// The body of any answer.
pub enum CallBody {
    /// All of it is here.
    Whole(Option<Bytes>),
    /// It comes from a provider.
    Metered(Box<Metered>),
}

impl CallBody {
    /// A body that is all here.
    #[must_use]
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

/// The answer was broken off; the connection must break too.
#[derive(Debug, Clone, Copy, Error)]
#[error("the provider's answer broke off")]
pub struct BrokenOff;

/// The body of a provider's answer.
pub struct Metered {
    /// What is ready for the caller.
    ready: VecDeque<Bytes>,
    rest: Option<Incoming>,
    lease: Option<Lease>,
    meter: Meter,
    deadline: Deadline,
    settlement: Option<Settlement>,
    state: State,
    dialect: Dialect,
    operation: Operation,
    framing: Framing,
    /// Compressed although we asked for plain bytes: they pass unread.
    opaque: bool,
    /// A success: a stream without its end is cut off, and not an error that has none.
    success: bool,
    length: Option<u64>,
    events: u64,
    bytes_out: u64,
    /// The last bytes that the caller got.
    tail: [u8; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    /// All of it is in `ready`.
    Ended,
    /// What is in `ready` is the last, and then the connection breaks. First one pause, so that hyper
    /// flushes what it has.
    Breaking {
        paused: bool,
    },
}

/// The answer's head and body for the caller.
pub fn answer(answered: Answered, mut settlement: Settlement) -> Response<CallBody> {
    let Answered { response, armed } = answered;
    let attempt::Response { mut head, held, rest, lease, meter, framing, drops_usage, deadline } = *response;
    let attempts = settlement.attempts();
    let opaque = head.headers.contains_key(CONTENT_ENCODING);
    let chunked = head.headers.contains_key(TRANSFER_ENCODING);
    filter(&mut head.headers);
    settlement.mark(&mut head.headers);
    if let Some(sidecar) = settlement.sidecar() {
        tell_headroom(&sidecar, &armed, settlement.now(), &mut head.headers);
    }
    if attempts > 1 {
        head.headers.insert(ATTEMPTS, attempts.into());
        if head.status.is_client_error() || head.status.is_server_error() {
            // The sidecar has tried all there is: retries of the SDK would only multiply.
            head.headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
    }
    if drops_usage || framing != Framing::Json || chunked {
        // What goes to the caller may be less by our chunk, or more by the word that the stream broke off; and
        // a length beside chunks is not what the body was read by.
        head.headers.remove(CONTENT_LENGTH);
    }
    let length = head.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    let record = settlement.record();
    let mut metered = Metered {
        ready: VecDeque::new(),
        rest,
        lease,
        dialect: record.and_then(|r| r.dialect).unwrap_or(Dialect::OpenAi),
        operation: record.and_then(|r| r.operation).unwrap_or(Operation::ChatCompletions),
        framing,
        meter,
        deadline,
        settlement: Some(settlement),
        state: State::Flowing,
        opaque,
        success: head.status.is_success(),
        length,
        events: 0,
        bytes_out: 0,
        tail: *b"\n\n\n\n",
    };
    metered.begin(held);
    if metered.state == State::Ended && metered.ready.len() < 2 {
        // All of it is here, read and settled.
        let bytes = metered.ready.pop_front();
        return Response::from_parts(head, CallBody::Whole(bytes));
    }
    Response::from_parts(head, CallBody::Metered(Box::new(metered)))
}

/// What may pass of the provider's head.
fn filter(headers: &mut HeaderMap) {
    if headers.keys().all(response_header_passes) {
        return;
    }
    let stopped: Vec<HeaderName> = headers.keys().filter(|name| !response_header_passes(name)).cloned().collect();
    for name in stopped {
        headers.remove(name);
    }
}

impl Metered {
    /// Begins with what was held back.
    fn begin(&mut self, held: Vec<Bytes>) {
        for bytes in held {
            self.take(bytes);
        }
        if self.rest.as_ref().is_none_or(Body::is_end_stream) {
            self.end();
        }
    }

    /// Reads bytes in passing and makes them ready.
    fn take(&mut self, bytes: Bytes) {
        if self.opaque {
            self.ready.push_back(bytes);
            return;
        }
        let ready = &mut self.ready;
        self.meter.feed(bytes, &mut |out| ready.push_back(out));
        let meaningful = self.meter.seen().meaningful;
        if meaningful > self.events && self.framing != Framing::Json {
            if self.events == 0
                && let Some(settlement) = &mut self.settlement
            {
                settlement.first_event();
            }
            self.events = meaningful;
            self.deadline.progressed(Instant::now());
        }
    }

    /// The provider's body has come to its end.
    fn end(&mut self) {
        self.rest = None;
        let ready = &mut self.ready;
        self.meter.end(&mut |out| ready.push_back(out));
        let unfinished = match self.framing {
            Framing::Json => self.meter.is_mid_event(),
            Framing::Sse | Framing::JsonArray => self.meter.seen().terminal == Terminal::None,
        };
        if self.success && !self.opaque && unfinished {
            return self.break_off(Fault::provider(
                Class::Truncated,
                Reason::CutOff,
                "The provider's stream ended before its end.",
            ));
        }
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        self.state = State::Ended;
        self.settle(if self.says_nothing() { End::Nothing } else { End::Complete });
    }

    /// Whether a success was no answer at all: no JSON where JSON was to come, or one without a choice in it.
    fn says_nothing(&self) -> bool {
        let seen = self.meter.seen();
        let no_json = self.framing == Framing::Json && seen.terminal == Terminal::None;
        let has_choices = matches!(self.operation, Operation::ChatCompletions | Operation::Completions);
        let no_choice =
            has_choices && seen.meaningful == 0 && seen.finish.is_none() && seen.terminal != Terminal::Error;
        self.success && !self.opaque && (no_json || no_choice)
    }

    /// The terminal event has passed: the caller need not wait for the provider to close.
    fn end_early(&mut self) {
        let (Some(rest), Some(lease), Some(sidecar)) =
            (self.rest.take(), self.lease.take(), self.settlement.as_ref().and_then(Settlement::sidecar))
        else {
            return;
        };
        sidecar.pools.own(drain(rest, lease));
        self.end();
    }

    /// The provider's body broke off, or took too long.
    fn break_off(&mut self, fault: Fault) {
        self.rest = None;
        self.lease = None;
        if self.framing != Framing::Json && !self.opaque {
            let ready = &mut self.ready;
            self.meter.end(&mut |out| ready.push_back(out));
            let id = self.settlement.as_ref().and_then(Settlement::record).map(|r| r.request_id.to_string());
            let mid_event = match self.framing {
                Framing::JsonArray => self.meter.is_mid_event(),
                Framing::Sse | Framing::Json => !self.at_boundary(),
            };
            let (operation, framing, id) = (self.operation, self.framing, id.unwrap_or_default());
            self.ready.push_back(error_event(self.dialect, operation, framing, &fault, &id, mid_event));
        }
        self.state = State::Breaking { paused: false };
        self.settle(End::Broken(fault));
    }

    fn note_tail(&mut self, bytes: &[u8]) {
        for byte in &bytes[bytes.len().saturating_sub(self.tail.len())..] {
            self.tail.rotate_left(1);
            self.tail[3] = *byte;
        }
    }

    /// Whether what the caller has got ends where an event ends.
    fn at_boundary(&mut self) -> bool {
        for bytes in std::mem::take(&mut self.ready) {
            self.note_tail(&bytes);
            self.ready.push_back(bytes);
        }
        self.tail.ends_with(b"\n\n") || self.tail.ends_with(b"\r\n\r\n") || self.tail.ends_with(b"\r\r")
    }

    fn settle(&mut self, end: End) {
        if let Some(mut settlement) = self.settlement.take() {
            let (tools, said) = self.meter.take_noted();
            settlement.asked(tools, said);
            let waiting: usize = self.ready.iter().map(Bytes::len).sum();
            settlement.ended(self.meter.take_seen(), &end, self.bytes_out + waiting as u64);
        }
    }

    /// Whether all of a stream has come, as far as it says so itself: what becomes of its connection after that
    /// takes nothing away.
    fn has_ended(&self) -> bool {
        self.framing != Framing::Json && !self.opaque && self.meter.seen().terminal == Terminal::Complete
    }

    /// Ends well, over a connection that cannot be used again.
    fn end_without_connection(&mut self) {
        self.lease = None;
        self.end();
    }

    /// Whether the stream has had its last event, for certain: Gemini has no such event.
    fn is_finished(&self) -> bool {
        self.framing == Framing::Sse
            && self.dialect != Dialect::Gemini
            && self.meter.seen().terminal != Terminal::None
            && !self.opaque
            // The line feed of a CRLF is still to come.
            && !self.tail.ends_with(b"\n\r")
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                self.bytes_out += bytes.len() as u64;
                self.note_tail(&bytes);
                return Poll::Ready(Some(Ok(bytes)));
            }
            match self.state {
                State::Ended => return Poll::Ready(None),
                State::Breaking { paused: true } => return Poll::Ready(Some(Err(BrokenOff))),
                State::Breaking { paused: false } => {
                    self.state = State::Breaking { paused: true };
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                State::Flowing => {}
            }
            let Some(rest) = self.rest.as_mut() else {
                self.end();
                continue;
            };
            match Pin::new(&mut *rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let ended = rest.is_end_stream();
                    if let Ok(bytes) = frame.into_data() {
                        self.take(bytes);
                    }
                    if ended {
                        self.end();
                    }
                }
                Poll::Ready(Some(Err(_))) if self.has_ended() => self.end_without_connection(),
                Poll::Ready(Some(Err(_))) => self.break_off(cut_off()),
                Poll::Ready(None) => self.end(),
                Poll::Pending if self.is_finished() => self.end_early(),
                Poll::Pending => match self.deadline.poll(cx) {
                    Poll::Ready(_) if self.has_ended() => self.end_without_connection(),
                    Poll::Ready(fault) => self.break_off(fault),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}

fn cut_off() -> Fault {
    Fault::provider(Class::Truncated, Reason::CutOff, "The provider closed the connection in the middle of its answer.")
}

impl Drop for Metered {
    /// The caller left in the middle of the answer.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.settle(End::Cancelled);
        }
    }
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Metered(metered) => metered.poll(cx).map(|ready| ready.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Metered(metered) => metered.state == State::Ended && metered.ready.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Metered(metered) => metered.size_hint(),
        }
    }
}

impl Metered {
    fn size_hint(&self) -> SizeHint {
        match (self.length, self.state) {
            (Some(length), _) => SizeHint::with_exact(length.saturating_sub(self.bytes_out)),
            (None, State::Ended) => SizeHint::with_exact(self.ready.iter().map(|b| b.len() as u64).sum()),
            _ => SizeHint::default(),
        }
    }
}
