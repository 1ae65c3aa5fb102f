//! The pre-commit gate: the beginning of an answer is held back until it proves to be an answer.
//!
//! Held are the head and the first event of a stream, or a whole body that is not streamed, up to
//! [`HELD_BYTES`]: after that it passes for good, because no provider's error is that long.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use memchr::{memchr, memmem};
use sidegate_dialects::meter::Framing;
use sidegate_dialects::verdict::{Verdict, first_event_verdict};
use sidegate_policy::{Class, Fault, Reason};

use super::attempt::{Judged, whole};
use super::deadline::Deadline;

/// Bytes of an answer that are held back at most.
const HELD_BYTES: usize = 64 * 1024;
/// Beginnings that are judged and say nothing yet; after so many the answer passes for good, so that one that
/// drips empty events is not read over and over.
const JUDGEMENTS: u32 = 256;

/// What was held, and how it was judged.
pub struct Held {
    /// The frames read, in order.
    pub frames: Vec<Bytes>,
    /// The rest of the body; none if it has ended.
    pub rest: Option<Incoming>,
    /// What it is.
    pub verdict: Verdict,
}

/// Reads until the answer can be judged.
///
/// # Errors
/// A fault when the body ends in an error, or the deadline passes.
pub async fn hold(mut body: Incoming, judged: &Judged<'_>, deadline: &mut Deadline) -> Result<Held, Fault> {
    let mut frames = Vec::new();
    let mut seen = Seen::default();
    let (mut held, mut judgements) = (0, 0);
    let by_event = judged.head.status.is_success() && judged.framing != Framing::Json;
    loop {
        if body.is_end_stream() || held >= HELD_BYTES {
            break;
        }
        let Some(frame) = deadline.bound(body.frame()).await? else {
            break;
        };
        let Ok(data) = frame.map_err(|e| cut_off(&e))?.into_data() else {
            continue;
        };
        held += data.len();
        let may_end = by_event && seen.take(&data, judged.framing);
        frames.push(data);
        if !may_end {
            continue;
        }
        judgements += 1;
        let verdict = first_event_verdict(judged.dialect, judged.operation, seen.bytes(&frames));
        if let Some(verdict) = verdict.or((judgements > JUDGEMENTS).then_some(Verdict::Good)) {
            let rest = (!body.is_end_stream()).then_some(body);
            return Ok(Held { frames, rest, verdict });
        }
    }
    let ended = held < HELD_BYTES || body.is_end_stream();
    let verdict = match &frames[..] {
        _ if !ended && judged.head.status.is_success() => Verdict::Good,
        [] if by_event => Verdict::Transient,
        [one] => of_whole(judged, one),
        several => of_whole(judged, &joined(several)),
    };
    Ok(Held { frames, rest: (!ended).then_some(body), verdict })
}

/// The frames so far as one text, and where in it an event may have ended: an event that comes byte by byte
/// is not read anew for each of them.
#[derive(Default)]
struct Seen {
    joined: BytesMut,
    frames: usize,
    first: Bytes,
}

impl Seen {
    /// Takes a frame; true if an event may end in it.
    fn take(&mut self, data: &Bytes, framing: Framing) -> bool {
        match self.frames {
            0 => self.first = data.clone(),
            1 => self.joined.extend_from_slice(&[&self.first[..], data].concat()),
            _ => self.joined.extend_from_slice(data),
        }
        self.frames += 1;
        let all = if self.frames == 1 { &self.first[..] } else { &self.joined[..] };
        // A blank line may have begun in the frame before.
        let new = &all[all.len().saturating_sub(data.len() + 3)..];
        match framing {
            Framing::Sse => {
                [&b"\n\n"[..], b"\r\n\r\n", b"\r\r", b"\n\r"].iter().any(|end| memmem::find(new, end).is_some())
            }
            Framing::Json | Framing::JsonArray => memchr(b'}', data).is_some(),
        }
    }

    fn bytes<'a>(&'a self, frames: &'a [Bytes]) -> &'a [u8] {
        match frames {
            [one] => one,
            _ => &self.joined,
        }
    }
}

/// The verdict on a whole body. Half a JSON text is no answer, even if HTTP says that it ends there.
fn of_whole(judged: &Judged<'_>, body: &[u8]) -> Verdict {
    let text = body.trim_ascii();
    let opens = text.first().is_some_and(|byte| b"{[".contains(byte));
    let closes = text.last().is_some_and(|byte| b"}]".contains(byte));
    if judged.head.status.is_success() && opens && !closes { Verdict::Transient } else { whole(judged, body) }
}

fn joined(frames: &[Bytes]) -> BytesMut {
    let mut all = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    frames.iter().for_each(|f| all.extend_from_slice(f));
    all
}

/// What a body that ends in an error means.
pub fn cut_off(error: &hyper::Error) -> Fault {
    let message = if error.is_parse() || error.is_user() {
        "The provider's answer is not acceptable HTTP."
    } else {
        "The provider closed the connection in the middle of its answer."
    };
    Fault::provider(Class::ProviderTransient, Reason::CutOff, message)
}
