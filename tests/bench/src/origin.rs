//! The origin: the provider's place in a benchmark. It answers chat completions, whole or
//! streamed, from bytes made beforehand, and costs a few microseconds a call, so that whatever
//! stands before it is what gets measured.
//!
//! What it is not: a simulator of a provider. It reads of a request only where it ends and
//! whether it asks for a stream and for usage; it has no faults, no bill and no other dialects.
//!
//! How it streams is set by `POST /bench/stream?events=N&pause-ms=M` and holds for the streams
//! that begin after it. Told apart from the calls, it does not depend on a target passing
//! anything on.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;

use crate::socket;

mod ask;
mod identity;
mod script;

pub use identity::{Identity, InvalidIdentity};

use ask::{Ask, Wanted};
use script::{Script, Stream};

/// How streams go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    /// Events with content.
    events: usize,
    /// Pause before each; zero is a burst.
    pause: Duration,
}

/// The longest a burst writes at once: what a provider's TLS records would hold.
const BURST_WRITE: usize = 16 << 10;

/// What is answered, and how fast.
struct Origin {
    script: Script,
    pace: RefCell<Pace>,
}

/// Serves both listeners until one fails. To be run on one thread, in a `LocalSet`.
///
/// # Errors
/// When a listener cannot accept.
pub async fn serve(plain: TcpListener, tls: TcpListener, identity: &Identity) -> io::Result<()> {
    let origin =
        Rc::new(Origin { script: Script::default(), pace: RefCell::new(Pace { events: 200, pause: Duration::ZERO }) });
    let acceptor = identity.acceptor();
    tokio::try_join!(accept(plain, None, Rc::clone(&origin)), accept(tls, Some(acceptor), origin))?;
    Ok(())
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, origin: Rc<Origin>) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        if stream.set_nodelay(true).is_err() {
            continue; // The peer has gone already.
        }
        let (tls, origin) = (tls.clone(), Rc::clone(&origin));
        connections.spawn_local(async move {
            let ended = match tls {
                None => origin.converse(stream).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => origin.converse(stream).await,
                    Err(error) => Err(error),
                },
            };
            // Whoever was at the other end counts what it missed.
            ended.unwrap_or_default();
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Origin {
    /// Answers one request after the other until the peer closes.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> io::Result<()> {
        let mut ask = Ask::default();
        loop {
            let open = socket::read(&mut stream, |bytes| ask.feed(bytes)).await??;
            if !open {
                return Ok(());
            }
            let Some(wanted) = ask.take() else { continue };
            match wanted {
                Wanted::Pace { events, pause } => {
                    *self.pace.borrow_mut() = Pace { events, pause };
                    stream.write_all(script::SET).await?;
                }
                Wanted::Spans => stream.write_all(script::TAKEN).await?,
                Wanted::Answer => stream.write_all(&self.script.answer).await?,
                Wanted::Stream { usage } => {
                    let pace = *self.pace.borrow();
                    write_stream(&mut stream, self.script.stream(usage), pace).await?;
                }
            }
            stream.flush().await?;
        }
    }
}

async fn write_stream<S>(stream: &mut S, script: &Stream, pace: Pace) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    let mut out = script.opening.clone();
    let events = script.events.iter().cycle().take(pace.events);
    if pace.pause.is_zero() {
        for event in events {
            if out.len() + event.len() > BURST_WRITE {
                stream.write_all(&out).await?;
                out.clear();
            }
            out.extend_from_slice(event);
        }
    } else {
        stream.write_all(&out).await?;
        out.clear();
        // Due times are fixed when a stream begins: a pause counted from the last write would be
        // rounded up each time, and streams would fall into step with one another.
        let mut due = Instant::now();
        for event in events {
            stream.flush().await?;
            due += pace.pause;
            sleep_until(due).await;
            stream.write_all(event).await?;
        }
    }
    out.extend_from_slice(&script.closing);
    stream.write_all(&out).await
}
