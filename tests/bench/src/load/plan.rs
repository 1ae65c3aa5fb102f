//! One run of the load generator as its command line says it.
//!
//! Not here: what the request should be. Body and headers are handed in.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use super::Arrival;
use crate::flags::{Flags, InvalidFlags};

/// A command line that is no plan.
#[derive(Debug, Error)]
pub enum InvalidPlan {
    /// The first word is none of the modes.
    #[error("expected closed, open or sse, then --url http://127.0.0.1:PORT/PATH and more flags")]
    Mode,
    /// The flags cannot be used.
    #[error(transparent)]
    Flags(#[from] InvalidFlags),
    /// The URL is not a loopback address with a port and a path.
    #[error("--url {0}: expected http://127.0.0.1:PORT/PATH")]
    Url(String),
    /// The body cannot be read.
    #[error("--body: {0}")]
    Body(#[from] std::io::Error),
    /// A number that makes no run.
    #[error("--{0} must be more than zero")]
    Zero(&'static str),
}

/// What one run does.
#[derive(Debug)]
pub struct Plan {
    /// Where the calls go.
    pub to: SocketAddr,
    /// The request, head and body, as it is written.
    pub request: Vec<u8>,
    /// How calls arrive.
    pub arrival: Arrival,
    /// How long before anything counts.
    pub warmup: Duration,
    /// How long everything counts.
    pub length: Duration,
    /// Bytes that every answer's body must have; not checked when absent.
    pub expect_bytes: Option<u64>,
    /// Events that every answer must have; not checked when absent.
    pub expect_events: Option<u64>,
}

impl Plan {
    /// Reads `closed|open|sse --url … [--conns|--streams N] [--ramp-ms N] [--hold true]
    /// [--rate R] [--secs S] [--warmup S] [--body FILE] [--header 'k: v']…
    /// [--expect-bytes N] [--expect-events N]`.
    ///
    /// # Errors
    /// When the command line is no plan or the body cannot be read.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, InvalidPlan> {
        let mode = words.next().ok_or(InvalidPlan::Mode)?;
        let mut flags = Flags::parse(words)?;
        let (to, path) = target(&flags.required::<String>("url")?)?;
        let arrival = arrival(&mode, &mut flags)?;
        let body = match flags.opt::<String>("body")? {
            Some(file) => std::fs::read(file)?,
            None => Vec::new(),
        };
        let plan = Self {
            to,
            request: request(to, &path, &flags.all("header"), &body),
            arrival,
            warmup: seconds(&mut flags, "warmup", 0.0)?,
            length: seconds(&mut flags, "secs", 3.0)?,
            expect_bytes: flags.opt("expect-bytes")?,
            expect_events: flags.opt("expect-events")?,
        };
        flags.end()?;
        Ok(plan)
    }
}

fn target(url: &str) -> Result<(SocketAddr, String), InvalidPlan> {
    let bad = || InvalidPlan::Url(url.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(bad)?;
    let slash = rest.find('/').ok_or_else(bad)?;
    let (host, path) = rest.split_at(slash);
    let to = host.parse().ok().and_then(super::loopback);
    Ok((to.ok_or_else(bad)?, path.to_owned()))
}

fn arrival(mode: &str, flags: &mut Flags) -> Result<Arrival, InvalidPlan> {
    let ramp = Duration::from_millis(flags.opt("ramp-ms")?.unwrap_or(0));
    let hold = flags.opt("hold")?.unwrap_or(false);
    let callers = match mode {
        "sse" => flags.opt("streams")?.unwrap_or(100),
        "closed" => flags.opt("conns")?.unwrap_or(64),
        "open" => flags.opt("conns")?.unwrap_or(512),
        _ => return Err(InvalidPlan::Mode),
    };
    let rate: f64 = flags.opt("rate")?.unwrap_or(500.0);
    if callers == 0 {
        return Err(InvalidPlan::Zero("conns"));
    }
    if rate.is_nan() || rate <= 0.0 {
        return Err(InvalidPlan::Zero("rate"));
    }
    Ok(match mode {
        "open" => Arrival::Open { rate, callers },
        _ => Arrival::Closed { callers, ramp, hold },
    })
}

fn seconds(flags: &mut Flags, name: &'static str, default: f64) -> Result<Duration, InvalidPlan> {
    let seconds = flags.opt(name)?.unwrap_or(default);
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| InvalidPlan::Flags(InvalidFlags::Value { name, value: seconds.to_string() }))
}

fn request(to: SocketAddr, path: &str, headers: &[String], body: &[u8]) -> Vec<u8> {
    let extra: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nuser-agent: bench-load\r\n\
         {extra}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}
