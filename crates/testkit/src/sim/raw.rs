//! Answers written by hand, byte by byte, for what hyper rightly refuses to
//! send: a body cut short, a wrong length, one byte at a time, any bytes at all.
//!
//! HTTP/1.1 only. While it waits it watches the client, so that one that went
//! away is seen at once, as hyper sees it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use super::bill::{Charge, Outcome};
use super::fault::{Never, Spoilt, Wire};
use super::script::{Play, Step};

/// An answer to be written by hand.
pub(crate) struct ByHand {
    pub spoilt: Spoilt,
    pub pause: Duration,
    pub charge: Charge,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The answer was whole: the next request may come.
    Next,
    /// It ends.
    Close,
    /// It ends with an RST.
    Reset,
}

impl ByHand {
    /// Writes the answer.
    pub(crate) async fn write<I>(mut self, io: &mut I) -> After
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let Spoilt { play, never, wire, .. } = self.spoilt;
        let closing = if wire.reset { After::Reset } else { After::Close };
        let mut pen = Pen { io, trickle: wire.trickle, chunked: false };
        let written = match (never, &wire.raw) {
            (Some(Never::Cut), _) => Ok(Outcome::Cut),
            (Some(Never::Stall), _) => pen.hold(None).await.map(|()| Outcome::ClientGone),
            (None, Some(raw)) => pen.put(raw).await.map(|()| Outcome::Cut),
            (None, None) => pen.play(&play, &wire, self.pause, &mut self.charge).await,
        };
        match written {
            Ok(outcome) => {
                self.charge.end(outcome);
                if outcome == Outcome::Cut { closing } else { After::Next }
            }
            Err(_) => {
                self.charge.end(Outcome::ClientGone);
                After::Close
            }
        }
    }
}

struct Pen<'a, I> {
    io: &'a mut I,
    trickle: Option<(usize, Duration)>,
    chunked: bool,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Pen<'_, I> {
    async fn play(&mut self, play: &Play, wire: &Wire, pause: Duration, charge: &mut Charge) -> io::Result<Outcome> {
        let length = wire.length.or(play.length);
        self.chunked = length.is_none();
        self.put(&head(play, length)).await?;
        for (index, step) in play.steps.iter().enumerate() {
            match step {
                Step::Send(event) => {
                    if index > 0 && !pause.is_zero() {
                        self.wait(pause).await?;
                    }
                    self.chunk(&event.bytes).await?;
                    charge.sent(event.bytes.len() as u64, event.output);
                }
                Step::Stall(ping) => self.hold(ping.as_ref()).await?,
                Step::Break => return Ok(Outcome::Cut),
            }
        }
        if self.chunked {
            self.put(b"0\r\n\r\n").await?;
        }
        Ok(play.end)
    }

    /// Stays open, with a ping each so often, until the client goes away.
    async fn hold(&mut self, ping: Option<&(Duration, Bytes)>) -> io::Result<()> {
        loop {
            match ping {
                Some((every, ping)) => {
                    self.wait(*every).await?;
                    self.chunk(ping).await?;
                }
                None => self.gone().await?,
            }
        }
    }

    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.chunked {
            return self.put(bytes).await;
        }
        let size = format!("{:x}\r\n", bytes.len());
        self.put(&[size.as_bytes(), bytes, b"\r\n"].concat()).await
    }

    async fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some((size, pause)) = self.trickle else {
            self.io.write_all(bytes).await?;
            return self.io.flush().await;
        };
        for part in bytes.chunks(size) {
            self.io.write_all(part).await?;
            self.io.flush().await?;
            if pause.is_zero() {
                // Lets the other side read before the next write joins this one.
                tokio::task::yield_now().await;
            } else {
                self.wait(pause).await?;
            }
        }
        Ok(())
    }

    /// Waits, unless the client goes away first.
    async fn wait(&mut self, pause: Duration) -> io::Result<()> {
        tokio::select! {
            () = sleep(pause) => Ok(()),
            gone = self.gone() => gone,
        }
    }

    /// Returns, always with an error, once the client has gone away. What it
    /// sends meanwhile is thrown away: it must not pipeline behind a fault.
    async fn gone(&mut self) -> io::Result<()> {
        let mut scrap = [0; 256];
        loop {
            if self.io.read(&mut scrap).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn head(play: &Play, length: Option<u64>) -> Vec<u8> {
    let status: StatusCode = play.status;
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in play.headers.iter() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    let framing = match length {
        Some(length) => format!("content-length: {length}\r\n\r\n"),
        None => "transfer-encoding: chunked\r\n\r\n".to_owned(),
    };
    head.extend_from_slice(framing.as_bytes());
    head
}
