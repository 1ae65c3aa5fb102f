//! What faults make of an answer.
//!
//! Faults that HTTP allows change the answer's head and steps and hyper sends
//! it; the others set [`Wire`], and on HTTP/1.1 the bytes are written by hand.

mod stream;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};

use super::super::answer::{Answer, Event};
use super::super::ask::Reject;
use super::super::bill::Outcome;
use super::super::dialect::Dialect;
use super::super::refusal;
use super::super::reply::Usage;
use super::super::script::{Play, Step};
use super::Fault;
use stream::{Form, error_event};

/// Bytes of one filler header.
const FILLER: usize = 4096;

/// Most bytes that a fault adds to a head or a body.
const MAX_FILLER: usize = 256 << 20;

/// What happens below HTTP.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire {
    /// Bytes of one write, and the pause between two.
    pub trickle: Option<(usize, Duration)>,
    /// The `content-length` to announce instead of the true one.
    pub length: Option<u64>,
    /// End with an RST.
    pub reset: bool,
    /// Exactly these bytes instead of an answer.
    pub raw: Option<Bytes>,
}

/// What happens instead of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Never {
    /// The connection ends.
    Cut,
    /// Nothing, for as long as the client waits.
    Stall,
}

/// An answer with its faults.
#[derive(Debug, Clone)]
pub(crate) struct Spoilt {
    pub play: Play,
    /// Before the head.
    pub delay: Duration,
    /// Between events, instead of what the answers' shape says.
    pub pause: Option<Duration>,
    pub never: Option<Never>,
    pub wire: Wire,
}

impl Spoilt {
    /// An answer without a fault.
    pub(crate) fn none(play: Play) -> Self {
        let wire = Wire::default();
        Self { play, delay: Duration::ZERO, pause: None, never: None, wire }
    }

    /// Whether hyper cannot send this over HTTP/1.1.
    pub(crate) fn by_hand(&self) -> bool {
        let wire = &self.wire;
        wire.trickle.is_some()
            || wire.length.is_some()
            || wire.raw.is_some()
            || wire.reset
            || self.play.steps.contains(&Step::Break)
    }
}

/// Applies `faults` to `play`, in their order.
pub(crate) fn spoil(dialect: Dialect, play: Play, faults: &[Fault]) -> Spoilt {
    let mut spoilt = Spoilt::none(play);
    for fault in faults {
        spoilt.apply(dialect, fault);
    }
    spoilt
}

impl Spoilt {
    fn apply(&mut self, dialect: Dialect, fault: &Fault) {
        match fault {
            Fault::Delay { ms } => self.delay += Duration::from_millis(*ms),
            Fault::Pace { ms } => self.pause = Some(Duration::from_millis(*ms)),
            Fault::Raw { text } => self.wire.raw = Some(Bytes::from(text.clone())),
            Fault::Trickle { bytes, pause_ms } => {
                self.wire.trickle = Some(((*bytes).max(1), Duration::from_millis(*pause_ms)));
            }
            Fault::ContentLength { delta } => self.misannounce(*delta),
            Fault::Cut { after_event, at_byte, reset } => {
                self.wire.reset = *reset;
                self.cut(*after_event, *at_byte);
            }
            Fault::Stall { after_event, ping_ms } => self.stall(dialect, *after_event, *ping_ms),
            Fault::Headers { headers, filler, cookies } => self.head(headers, *filler, *cookies),
            Fault::Trailing { text, hold } => self.trail(text.as_deref(), *hold),
            Fault::Gzip { corrupt } => self.gzip(*corrupt),
            Fault::Usage { spoilt } => self.spoil_usage(*spoilt),
            Fault::Overbill { output } => self.overbill(*output),
            Fault::EmptyChoices {} => self.silence(),
            Fault::Patch { at, value } => self.patch(at, value.as_ref()),
            Fault::GarbageEvent { after_event } => {
                self.insert(*after_event, "data: {\"broken\": \n\n".to_owned(), false);
            }
            Fault::ErrorEvent { after_event } => {
                self.insert(*after_event, error_event(dialect), true);
            }
            Fault::HugeEvent { bytes, after_event } => {
                let filler = "h".repeat((*bytes).min(MAX_FILLER));
                let event = format!("data: {{\"huge\": \"{filler}\"}}\n\n");
                self.insert(*after_event, event, false);
            }
            Fault::Reframe { line_end, comments, bom, tight } => {
                self.reframe(&Form { line_end: *line_end, comments: *comments, bom: *bom, tight: *tight })
            }
            Fault::Status { .. } | Fault::Redirect { .. } | Fault::ErrorBody {} | Fault::Html {} => {
                self.replace(dialect, fault)
            }
        }
    }

    /// Another answer, which costs nothing and counts as an error.
    fn replace(&mut self, dialect: Dialect, fault: &Fault) {
        let message = "the simulated provider fails on demand".to_owned();
        let error = |status, code| refusal::answer(dialect, &Reject { status, code, message: message.clone() });
        let mut answer = match fault {
            Fault::Status { status, headers, body, code } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
                let mut answer = match body {
                    Some(body) => Answer::whole(status, "application/json", body.clone()),
                    None => error(status, known_code(code.as_deref())),
                };
                extend(&mut answer.headers, headers);
                answer
            }
            Fault::Redirect { status, location } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::FOUND);
                let mut answer = Answer::whole(status, "text/plain", "moved\n");
                if let Ok(location) = HeaderValue::from_str(location) {
                    answer.headers.insert(LOCATION, location);
                }
                answer
            }
            Fault::Html {} => {
                let page = "<!doctype html><title>Sign in</title><p>Please sign in.\n";
                Answer::whole(StatusCode::OK, "text/html; charset=utf-8", page)
            }
            _ => {
                let mut answer = error(StatusCode::INTERNAL_SERVER_ERROR, "");
                answer.status = StatusCode::OK;
                answer
            }
        };
        answer.usage = Usage::default();
        self.play = Play { end: Outcome::Error, ..Play::of(answer) };
    }

    fn steps(&mut self, change: impl FnOnce(&mut Vec<Step>)) {
        let mut steps = self.play.steps.to_vec();
        change(&mut steps);
        self.play.steps = steps.into();
    }

    fn head(&mut self, headers: &[(String, String)], filler: usize, cookies: usize) {
        let mut all = HeaderMap::clone(&self.play.headers);
        extend(&mut all, headers);
        for number in 0..filler.min(MAX_FILLER).div_ceil(FILLER) {
            extend(&mut all, &[(format!("x-filler-{number}"), "f".repeat(FILLER))]);
        }
        for number in 0..cookies.min(MAX_FILLER / FILLER) {
            extend(&mut all, &[("set-cookie".to_owned(), format!("c{number}=1"))]);
        }
        self.play.headers = Arc::new(all);
    }

    /// The length of a whole body whose bytes have changed.
    fn measure(&mut self) {
        if self.play.length.is_some() {
            self.play.length = Some(sizes(&self.play.steps).sum());
        }
    }
}

fn sends(steps: &[Step]) -> impl Iterator<Item = &Event> {
    steps.iter().filter_map(|step| match step {
        Step::Send(event) => Some(event),
        Step::Stall(_) | Step::Break => None,
    })
}

fn sizes(steps: &[Step]) -> impl Iterator<Item = u64> {
    sends(steps).map(|event| event.bytes.len() as u64)
}

fn extend(headers: &mut HeaderMap, more: &[(String, String)]) {
    for (name, value) in more {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
}

/// The codes that a fault may ask for; another one stands for none.
fn known_code(code: Option<&str>) -> &'static str {
    const CODES: [&str; 5] =
        ["insufficient_quota", "context_length_exceeded", "content_filter", "model_not_found", "invalid_api_key"];
    CODES.into_iter().find(|known| Some(*known) == code).unwrap_or_default()
}
