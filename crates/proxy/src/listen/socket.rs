//! A client's TCP connection as hyper reads and writes it, with two things that hyper does not do.
//!
//! While bytes of a pipelined request are buffered, hyper stops reading and does not see that the client
//! left: [`Socket::left`] watches for the end of its sending side apart from reading. And a client that stops
//! reading would hold its call for ever: a write that makes no progress for [`WRITE_STALL`] fails.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// How long a client may leave its window full.
pub const WRITE_STALL: Duration = Duration::from_secs(60);

/// One client's connection.
pub struct Socket {
    stream: Arc<TcpStream>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// Takes over an accepted connection.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream: Arc::new(stream), stalled: None }
    }

    /// Resolves when the client has closed its sending side, even while nobody reads.
    pub fn left(&self) -> impl Future<Output = ()> + Send + use<> {
        let stream = self.stream.clone();
        async move {
            // Waits for urgent data or the end of the sending side; urgent data is not known to HTTP.
            if stream.ready(Interest::PRIORITY).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(WRITE_STALL)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading")))
    }
}

impl Socket {
    /// Reads into the caller's buffer, as it is; false if there is nothing to read now. A short read drained the
    /// socket: told as `WouldBlock` outside, tokio clears the readiness that it saw before the read, which saves the
    /// next read that could only fail.
    fn try_read(&self, into: &mut ReadBuf<'_>) -> io::Result<bool> {
        let (mut read, room) = (None, into.remaining());
        let outcome = self.stream.try_io(Interest::READABLE, || {
            let n = self.stream.try_read_buf(into)?;
            read = Some(n);
            if n > 0 && n < room { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (read, outcome) {
            (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            (read, _) => Ok(read.is_some()),
        }
    }

    fn poll_write_now(&mut self, cx: &mut Context<'_>, from: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            if self.stream.poll_write_ready(cx)?.is_pending() {
                return self.poll_stall(cx);
            }
            match self.stream.try_write_vectored(from) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                outcome => {
                    self.stalled = None;
                    return Poll::Ready(outcome);
                }
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            if self.try_read(into)? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_now(cx, &[io::IoSlice::new(from)])
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_now(cx, from)
    }
}
