//! Plain requests over TCP and over Unix sockets, each with an end in sight.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sidegate_tests::Answer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The longest that a whole answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that is kept.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    _task: JoinSet<()>,
}

impl Connection {
    /// To a port.
    pub async fn open(at: SocketAddr) -> io::Result<Self> {
        Self::over(timeout(PATIENCE, TcpStream::connect(at)).await??).await
    }

    async fn over(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> io::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.map_err(io::Error::other)?;
        let mut task = JoinSet::new();
        task.spawn(async move { drop(connection.await) });
        Ok(Self { sender, _task: task })
    }

    /// Sends a request; its head.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> io::Result<http::Response<hyper::body::Incoming>> {
        timeout(PATIENCE, async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        })
        .await?
        .map_err(io::Error::other)
    }

    /// Sends a request; its whole answer.
    pub async fn call(&mut self, request: Request<Full<Bytes>>) -> io::Result<Answer> {
        let head = self.send(request).await?;
        Ok(timeout(PATIENCE, Answer::read(head)).await?)
    }
}

/// One request over a connection of its own.
pub async fn call(at: SocketAddr, request: Request<Full<Bytes>>) -> io::Result<Answer> {
    Connection::open(at).await?.call(request).await
}

/// A GET over a connection of its own.
pub async fn get(at: SocketAddr, path: &str) -> io::Result<Answer> {
    call(at, request(path)).await
}

/// A GET over a Unix socket.
pub async fn ask(socket: &Path, path: &str) -> io::Result<Answer> {
    let stream = timeout(PATIENCE, UnixStream::connect(socket)).await??;
    Connection::over(stream).await?.call(request(path)).await
}

fn request(path: &str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = path.parse().unwrap_or_default();
    request.headers_mut().insert("host", http::HeaderValue::from_static("localhost"));
    request
}
