//! Connections, and who is at their other end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::Connected;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// It is on this machine, or in this process: keys may be sent to it in the clear.
    pub loopback: bool,
    /// Its address, for messages.
    pub address: Arc<str>,
}

impl Peer {
    /// A peer inside this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self { loopback: true, address: "in-process".into() }
    }

    /// A peer at a socket address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { loopback: address.ip().to_canonical().is_loopback(), address: address.to_string().into() }
    }

    pub(super) fn unknown() -> Self {
        Self { loopback: false, address: "unknown".into() }
    }
}

/// A connection with its peer.
pub struct Link<IO> {
    io: IO,
    peer: Peer,
}

impl<IO> Link<IO> {
    /// A connection to `peer`.
    pub fn new(io: IO, peer: Peer) -> Self {
        Self { io, peer }
    }
}

impl<IO> Connected for Link<IO> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Link<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Link<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// The connections that a listener accepts. A failed accept (no file left, say) is tried again after a pause, for as
/// long as it takes.
pub fn accepted(listener: TcpListener) -> impl Stream<Item = Link<TcpStream>> + Send + 'static {
    const PAUSE: Duration = Duration::from_millis(100);
    futures_util::stream::unfold(listener, |listener| async move {
        loop {
            match listener.accept().await {
                Ok((io, address)) => {
                    // Without it, small messages wait for each other; a socket that refuses it still works.
                    let _ = io.set_nodelay(true);
                    return Some((Link::new(io, Peer::at(address)), listener));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
}
