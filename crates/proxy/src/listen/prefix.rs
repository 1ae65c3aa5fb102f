//! The first bytes of a connection, read once to tell HTTP/2 from HTTP/1, then read again by hyper.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use super::activity::Activity;

/// How HTTP/2 begins by prior knowledge (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes have been seen.
pub struct Prefixed<I> {
    io: I,
    seen: [u8; PREFACE.len()],
    given: u8,
    held: u8,
    activity: Arc<Activity>,
}

impl<I: Read + Unpin> Prefixed<I> {
    /// Reads as few bytes as tell the protocols apart; true means HTTP/2.
    ///
    /// # Errors
    /// Of the connection, or [`io::ErrorKind::UnexpectedEof`] when it ends before it begins.
    pub async fn read(io: I, activity: Arc<Activity>) -> io::Result<(Self, bool)> {
        let mut this = Self { io, seen: [0; PREFACE.len()], given: 0, held: 0, activity };
        loop {
            let held = usize::from(this.held);
            if this.seen[..held] != PREFACE[..held] {
                return Ok((this, false));
            }
            if held == PREFACE.len() {
                return Ok((this, true));
            }
            let read = poll_fn(|cx| {
                let mut buffer = ReadBuf::new(&mut this.seen[held..]);
                ready!(Pin::new(&mut this.io).poll_read(cx, buffer.unfilled()))?;
                Poll::Ready(Ok::<_, io::Error>(buffer.filled().len()))
            })
            .await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            this.held += u8::try_from(read).unwrap_or(0);
        }
    }
}

impl<I> Prefixed<I> {
    /// What the connection is doing.
    pub fn activity(&self) -> Arc<Activity> {
        self.activity.clone()
    }
}

impl<I: Read + Unpin> Read for Prefixed<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let (given, held) = (usize::from(self.given), usize::from(self.held));
        if given == held {
            let read = Pin::new(&mut self.io).poll_read(cx, into);
            if read.is_ready() {
                self.activity.read();
            }
            return read;
        }
        self.activity.read();
        let n = (held - given).min(into.remaining());
        into.put_slice(&self.seen[given..given + n]);
        self.given += u8::try_from(n).unwrap_or(0);
        if into.remaining() > 0 {
            // What follows is read along: hyper would take a short first read for a reason to grow its buffer.
            // An error or the end comes again with the next read.
            let _ = Pin::new(&mut self.io).poll_read(cx, into);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: Write + Unpin> Write for Prefixed<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, from)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_ready() {
            self.activity.flushed(cx.waker());
        }
        flushed
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, from)
    }
}
