//! Reading a request body: never more than the limit, never slower than a floor, and in one piece of memory.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming};
use sidegate_policy::{Class, Reason, Refusal};
use tokio::time::{Sleep, sleep};

use super::{declared, overloaded};
use crate::refuse::Stop;
use crate::settle::Settlement;

/// In each such time a body has to bring [`PROGRESS_BYTES`], or its end.
const PROGRESS_TIME: Duration = Duration::from_secs(10);
/// See [`PROGRESS_TIME`]; 1.6 KiB/s.
const PROGRESS_BYTES: u64 = 16 * 1024;
/// Memory taken at once on the word of a Content-Length; the rest when the bytes are there.
const TAKEN_ON_TRUST: u64 = 256 * 1024;

/// Reads all of a body.
pub async fn read(mut body: Incoming, limit: u64, settlement: &mut Settlement) -> Result<Bytes, Stop> {
    if let Some(declared) = declared(&body) {
        if declared > limit {
            return Err(too_large(limit).into());
        }
        make_room(settlement, declared)?;
    }
    let mut pace = Pace { since: 0, timer: None };
    let Some(first) = next(&mut body, &mut pace).await? else {
        return Ok(Bytes::new());
    };
    if body.is_end_stream() {
        // The usual case: the body came with the head, and is used where it stands.
        return if first.len() as u64 > limit { Err(too_large(limit).into()) } else { Ok(first) };
    }
    let known = declared(&body).is_some();
    let expected = body.size_hint().lower().min(TAKEN_ON_TRUST);
    let mut all = BytesMut::with_capacity(first.len() + usize::try_from(expected).unwrap_or(0));
    let mut chunk = Some(first);
    while let Some(bytes) = chunk {
        if (all.len() + bytes.len()) as u64 > limit {
            return Err(too_large(limit).into());
        }
        if !known {
            make_room(settlement, bytes.len() as u64)?;
        }
        all.extend_from_slice(&bytes);
        chunk = next(&mut body, &mut pace).await?;
    }
    Ok(all.freeze())
}

/// How a body gets on.
struct Pace {
    since: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

async fn next(body: &mut Incoming, pace: &mut Pace) -> Result<Option<Bytes>, Stop> {
    loop {
        let frame = poll_fn(|cx| {
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                return Poll::Ready(Ok(frame));
            }
            let timer = pace.timer.get_or_insert_with(|| Box::pin(sleep(PROGRESS_TIME)));
            match timer.as_mut().poll(cx) {
                Poll::Ready(()) if pace.since < PROGRESS_BYTES => Poll::Ready(Err(too_slow())),
                Poll::Ready(()) => {
                    pace.since = 0;
                    pace.timer = None;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await?;
        match frame.map(|f| f.map(Frame::into_data)) {
            None => return Ok(None),
            Some(Ok(Ok(data))) => {
                pace.since += data.len() as u64;
                return Ok(Some(data));
            }
            // Trailers: nothing of them is acted on or sent on.
            Some(Ok(Err(_))) => {}
            Some(Err(error)) => return Err(broken(&error)),
        }
    }
}

fn make_room(settlement: &mut Settlement, bytes: u64) -> Result<(), Refusal> {
    if settlement.hold_bytes(bytes) {
        return Ok(());
    }
    Err(overloaded("The sidecar holds as many bytes of requests as it may (--max-held-bytes)."))
}

fn too_large(limit: u64) -> Refusal {
    let message = format!("The request body is larger than {limit} bytes, the sidecar's limit (--max-body-bytes).");
    Refusal::new(Class::RequestInvalid, Reason::BodyTooLarge, message)
}

fn too_slow() -> Stop {
    let message = "The request body came too slowly.";
    Refusal::new(Class::RequestInvalid, Reason::BodyTooSlow, message).into()
}

/// A body that cannot be read is either bad HTTP, or the client went away in the middle of it.
fn broken(error: &hyper::Error) -> Stop {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() || ended(error) {
        return Stop::ClientLeft;
    }
    Refusal::new(Class::RequestInvalid, Reason::BadHead, "The request body is not acceptable HTTP.").into()
}

/// The connection ended below HTTP, before the body did.
fn ended(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<io::Error>());
    source.is_some_and(|e| {
        matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
    })
}
