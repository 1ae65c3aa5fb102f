//! What a connection is doing, without a clock and without a timer for each request.
//!
//! hyper's own timeout for heads also runs between requests, and would close a connection in the moment that
//! an SDK uses it again. Here a head only counts as slow once its first byte has come: a tick of the
//! connection's task finds the same unfinished head twice, and the connection ends. One that idles is left
//! alone for much longer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::sleep;

use crate::meter::{BrokenOff, CallBody};

/// How often a connection is looked at. A head is slow after two to three of these.
const TICK: Duration = Duration::from_secs(5);
/// Ticks that find the same unfinished head; the first may come right after its first byte.
const SLOW_HEAD: u32 = 3;
/// Ticks without a request: ten minutes.
const IDLE: u32 = 120;

/// What a connection is doing.
#[derive(Debug, Default)]
pub struct Activity {
    /// A call is under way: what is read belongs to it.
    in_call: AtomicBool,
    /// Bytes of a head have come, and no call has begun with them.
    head_open: AtomicBool,
    /// Calls begun.
    calls: AtomicU32,
    /// An answer wants to break off.
    breaking: AtomicBool,
    /// Since then, everything before it has left hyper's buffers.
    flushed: AtomicBool,
}

/// Why a connection was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// A head came too slowly.
    SlowHead,
    /// Nothing came at all.
    Idle,
}

impl Activity {
    /// Bytes have come.
    pub(super) fn read(&self) {
        if !self.in_call.load(Ordering::Relaxed) {
            self.head_open.store(true, Ordering::Relaxed);
        }
    }

    /// A call begins.
    pub(super) fn begins(self: &Arc<Self>) -> InCall {
        self.in_call.store(true, Ordering::Relaxed);
        self.head_open.store(false, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        InCall(self.clone())
    }

    /// Everything that hyper had to write is written.
    pub(super) fn flushed(&self, waker: &Waker) {
        if self.breaking.load(Ordering::Relaxed) && !self.flushed.swap(true, Ordering::Relaxed) {
            waker.wake_by_ref();
        }
    }

    /// Whether an answer may break off now: hyper throws away what it has not written by then, the word that
    /// the answer broke off among it.
    fn may_break(&self) -> bool {
        self.breaking.store(true, Ordering::Relaxed);
        self.flushed.load(Ordering::Relaxed)
    }

    /// Resolves when the connection should be given up.
    pub(super) async fn watch(self: Arc<Self>) -> GivenUp {
        let (mut calls, mut slow, mut idle) = (0, 0, 0);
        loop {
            // An interval would keep its timer in an allocation of its own.
            sleep(TICK).await;
            let now = self.calls.load(Ordering::Relaxed);
            let same = now == calls && !self.in_call.load(Ordering::Relaxed);
            calls = now;
            idle = if same { idle + 1 } else { 0 };
            slow = if same && self.head_open.load(Ordering::Relaxed) { slow + 1 } else { 0 };
            if slow >= SLOW_HEAD {
                return GivenUp::SlowHead;
            }
            if idle >= IDLE {
                return GivenUp::Idle;
            }
        }
    }
}

/// A call is under way on a connection, until this is dropped.
pub(super) struct InCall(Arc<Activity>);

impl Drop for InCall {
    fn drop(&mut self) {
        self.0.in_call.store(false, Ordering::Relaxed);
    }
}

/// An answer's body that keeps its call under way.
pub struct Served {
    pub(super) body: CallBody,
    pub(super) in_call: InCall,
}

impl Body for Served {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Err(_))) if !self.in_call.0.may_break() => Poll::Pending,
            frame => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
