//! A client that writes the bytes that it is told to, over a real socket, and says what came back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a test waits for something that must happen.
pub const SOON: Duration = Duration::from_secs(5);

/// A connection.
pub struct Raw {
    stream: TcpStream,
    /// All that has come back.
    pub got: Vec<u8>,
}

impl Raw {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap_or_else(|e| panic!("{to}: {e}"));
        let _ = stream.set_nodelay(true);
        Self { stream, got: Vec::new() }
    }

    /// Connects with a window of a few KiB, so that not reading is noticed early.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn connect_narrow(to: SocketAddr) -> Self {
        let narrow = || async {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(4_096)?;
            socket.connect(to).await
        };
        let stream = narrow().await.unwrap_or_else(|e: std::io::Error| panic!("{to}: {e}"));
        Self { stream, got: Vec::new() }
    }

    /// Sends bytes; false if the other side does not take them any more.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        matches!(timeout(SOON, self.stream.write_all(bytes.as_ref())).await, Ok(Ok(())))
    }

    /// Reads what comes; false at the end of the connection.
    async fn read(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(n @ 1..) => {
                self.got.extend_from_slice(&buffer[..n]);
                true
            }
            Ok(0) | Err(_) => false,
        }
    }

    /// Reads until what came satisfies `wanted`; false if it does not in time.
    pub async fn until(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        let end = Instant::now() + SOON;
        loop {
            if wanted(&self.text()) {
                return true;
            }
            if timeout_at(end, self.read()).await != Ok(true) {
                return wanted(&self.text());
            }
        }
    }

    /// Whether the other side closes the connection within `time`; what comes until then is kept.
    pub async fn closes_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            match timeout_at(end, self.read()).await {
                Err(_) => return false,
                Ok(false) => return true,
                Ok(true) => {}
            }
        }
    }

    /// Whether the other side closes the connection soon.
    pub async fn closes(&mut self) -> bool {
        self.closes_within(SOON).await
    }

    /// What has come back, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.got).into_owned()
    }

    /// The status of the first answer; 0 if there is none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.statuses().first().copied().unwrap_or(0)
    }

    /// The statuses of all answers, in order.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        let text = self.text();
        let heads = text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12));
        heads.filter_map(|status| status.parse().ok()).collect()
    }

    /// Closes the sending side.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Leaves with an RST.
    pub fn reset(self) {
        let _ = self.stream.set_zero_linger();
    }
}

/// The bytes of a chat completions request; `headers` are whole lines with their ends.
#[must_use]
pub fn chat(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// The body of a chat whose user says `text`; `more` are further members, each with a leading comma.
#[must_use]
pub fn body(text: &str, more: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]{more}}}"#)
}
