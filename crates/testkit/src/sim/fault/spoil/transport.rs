//! Faults of the transport: where a body ends, and how its length is announced.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};

use super::{Never, Spoilt, sends, sizes};
use crate::sim::answer::Event;
use crate::sim::dialect::Dialect;
use crate::sim::gzip;
use crate::sim::script::Step;

impl Spoilt {
    pub(super) fn cut(&mut self, after_event: Option<usize>, at_byte: Option<u64>) {
        match (after_event, at_byte) {
            (None, None) => self.never = Some(Never::Cut),
            (Some(events), _) => self.steps(|steps| {
                steps.truncate(events);
                steps.push(Step::Break);
            }),
            (None, Some(bytes)) => self.steps(|steps| {
                *steps = until_byte(steps, bytes);
                steps.push(Step::Break);
            }),
        }
    }

    pub(super) fn stall(&mut self, dialect: Dialect, after_event: Option<usize>, ping_ms: Option<u64>) {
        let Some(events) = after_event else {
            self.never = Some(Never::Stall);
            return;
        };
        let ping: &[u8] = match dialect {
            Dialect::Anthropic => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
            Dialect::OpenAi | Dialect::Gemini => b": ping\n\n",
        };
        let ping = ping_ms.map(|ms| (Duration::from_millis(ms.max(1)), Bytes::from_static(ping)));
        self.steps(|steps| {
            steps.truncate(events);
            steps.push(Step::Stall(ping));
        });
    }

    pub(super) fn misannounce(&mut self, delta: i64) {
        let body: u64 = sizes(&self.play.steps).sum();
        self.wire.length = Some(body.saturating_add_signed(delta));
        if delta > 0 {
            self.steps(|steps| steps.push(Step::Break));
        }
    }

    pub(super) fn trail(&mut self, text: Option<&str>, hold: bool) {
        let text = text.unwrap_or("data: {\"trailing\": true}\n\n").to_owned();
        let output = self.play.usage.output;
        if self.play.length.is_some() {
            // Behind a body of known length: the announced length stays.
            self.wire.length = self.play.length;
        }
        self.steps(|steps| {
            steps.push(Step::Send(Event { bytes: Bytes::from(text), output }));
            if hold {
                steps.push(Step::Stall(None));
            }
        });
    }

    pub(super) fn gzip(&mut self, corrupt: bool) {
        let plain: Vec<u8> = sends(&self.play.steps).flat_map(|event| event.bytes.to_vec()).collect();
        let mut packed = gzip::wrap(&plain);
        if corrupt {
            packed.truncate(packed.len().saturating_sub(6));
        }
        if self.play.length.is_some() {
            self.play.length = Some(packed.len() as u64);
        }
        let output = sends(&self.play.steps).last().map_or(0, |event| event.output);
        let packed = Step::Send(Event { bytes: Bytes::from(packed), output });
        let end = self.play.steps.last().filter(|step| !matches!(step, Step::Send(_)));
        self.play.steps = std::iter::once(packed).chain(end.cloned()).collect();
        let mut headers = HeaderMap::clone(&self.play.headers);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        self.play.headers = Arc::new(headers);
    }
}

fn until_byte(steps: &[Step], bytes: u64) -> Vec<Step> {
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut kept = Vec::new();
    for event in sends(steps) {
        if left == 0 {
            break;
        }
        let length = event.bytes.len().min(left);
        left -= length;
        let bytes = event.bytes.slice(..length);
        kept.push(Step::Send(Event { bytes, output: event.output }));
    }
    kept
}
