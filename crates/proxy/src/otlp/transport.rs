//! Sends encoded requests to a back-end, by gRPC or by HTTP, and judges its answers.
//!
//! It knows no signal: whoever encodes names the method. Nothing that a back-end says is repeated in a log or an
//! error: it may echo our headers. Answers are read up to a bound and within the target's time.

mod grpc;
mod http;

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use self::grpc::Grpc;
use self::http::Http;
use sidegate_telemetry::otlp::settings::{Protocol, Target};

/// Bytes of an answer that are read at most.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest wait that a back-end can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// Why a request was not taken: in our own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub what: String,
    /// Another try may help.
    pub passing: bool,
    /// When, as far as the back-end said.
    pub after: Option<Duration>,
}

impl Failure {
    fn passing(what: impl Into<String>) -> Self {
        Self { what: what.into(), passing: true, after: None }
    }
}

/// The way to one back-end.
pub struct Transport {
    way: Way,
    timeout: Duration,
}

enum Way {
    Grpc(Grpc),
    Http(Http),
}

impl Transport {
    /// To that back-end; it connects when it is used.
    #[must_use]
    pub fn to(target: &Target) -> Self {
        let way = match target.protocol {
            Protocol::Grpc => Way::Grpc(Grpc::to(target)),
            Protocol::Http => Way::Http(Http::to(target)),
        };
        Self { way, timeout: target.timeout }
    }

    /// Sends an encoded request; the encoded answer. `method` is gRPC's, as `/package.Service/Method`.
    ///
    /// # Errors
    /// A [`Failure`] when it was not taken.
    pub async fn send(&mut self, method: &'static str, body: Bytes) -> Result<Bytes, Failure> {
        let sent = async {
            match &mut self.way {
                Way::Grpc(grpc) => grpc.send(method, body).await,
                Way::Http(http) => http.send(body).await,
            }
        };
        let answer = timeout(self.timeout, sent).await;
        if answer.is_err()
            && let Way::Http(http) = &mut self.way
        {
            http.forget();
        }
        answer.unwrap_or_else(|_| Err(Failure::passing("no answer in time")))
    }
}
