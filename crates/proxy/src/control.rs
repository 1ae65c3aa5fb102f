//! The link to the control plane: one stream, on a thread of its own, reopened for ever.
//!
//! What arrives is checked, armed and acknowledged, or refused with a reason while the last good stays in
//! force. No call ever waits for it. A black hole is noticed by HTTP/2 pings; reconnects are spread by full
//! jitter, so that a restarted control plane is not met by all sidecars at once. What people are shown of running
//! calls goes the same way, behind everything else.

pub mod apply;
mod live;
mod rejected;
pub mod status;
pub mod store;
pub mod token;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use sidegate_wire::v1::control_message::Message as FromControl;
use sidegate_wire::v1::control_plane_client::ControlPlaneClient;
use sidegate_wire::v1::sidecar_message::Message as ToControl;
use sidegate_wire::v1::{Ack, ControlMessage, Hello, Nack, SidecarMessage, Subject};
use sidegate_wire::{FEATURES, MAX_SNAPSHOT_BYTES, encode_caller};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::{Channel, Endpoint};

use self::apply::Applier;
use self::live::Desk;
use self::status::Status;
use crate::sidecar::Sidecar;

/// Time to the head of the control plane's answer, once it is asked for a stream.
const OPEN_TIME: Duration = Duration::from_secs(10);
/// Time to a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// A ping after so much silence,
const PING_AFTER: Duration = Duration::from_secs(10);
/// and no answer in so much time, means that nobody is there.
const PING_TIME: Duration = Duration::from_secs(5);
/// Longest first wait before a reconnect; doubles with each failure.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait before a reconnect.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A stream that lived so long was no failure.
const LONG_LIVED: Duration = Duration::from_secs(10);
/// For what is told last, when the sidecar ends.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// Answers that wait for the stream.
const ANSWERS: usize = 16;
/// Largest message. Beyond the largest snapshot, so that one that is too large is refused with a reason rather than
/// by the transport, which would end the stream.
const MAX_MESSAGE: usize = 2 * MAX_SNAPSHOT_BYTES;

/// An address that is none.
#[derive(Debug, Error)]
#[error("--control {0} is not of the form http://HOST:PORT")]
pub struct InvalidControl(String);

/// Where the control plane is.
///
/// # Errors
/// [`InvalidControl`].
pub fn endpoint(address: &str) -> Result<Endpoint, InvalidControl> {
    let invalid = || InvalidControl(address.to_owned());
    // The text is looked at, because the library takes `unix:` for an address over http.
    if !address.starts_with("http://") {
        return Err(invalid());
    }
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| invalid())?;
    if endpoint.uri().host().is_none_or(str::is_empty) {
        return Err(invalid());
    }
    Ok(tuned(endpoint))
}

/// The endpoint with the link's timeouts.
#[must_use]
pub fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_TIME)
        .http2_keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_TIME)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
}

/// The link of one sidecar.
pub struct Link {
    /// Whom policy is armed for.
    pub sidecar: Arc<Sidecar>,
    /// Opens connections to the control plane when they are needed.
    pub channel: Channel,
    /// Checks and arms what arrives.
    pub applier: Applier,
    /// How it stands.
    pub status: Arc<Status>,
    /// Where the token is that tells whose pod this is, if there is one.
    pub token: Option<PathBuf>,
}

impl Link {
    /// Keeps a stream open until `stop` says so.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut failures = 0_u32;
        loop {
            let began = Instant::now();
            let ended = {
                let mut stream = pin!(self.stream(stop.clone()));
                let ended = tokio::select! {
                    ended = &mut stream => Some(ended),
                    _ = stop.wait_for(|stop| *stop) => None,
                };
                let Some(ended) = ended else {
                    // It ends by itself once the last sums are told; a control plane that is not there is not waited for.
                    let _ = timeout(LAST_WORDS, stream).await;
                    return;
                };
                ended
            };
            // Whoever watches asks again on the next stream.
            self.sidecar.recent.unwatch_all();
            let why = ended.map_or_else(|error| error.message().to_owned(), |()| "the stream ended".to_owned());
            tracing::info!(%why, "the control stream is down");
            self.status.disconnected(&why);
            self.sidecar.metrics.control_stream(false);
            failures = if began.elapsed() >= LONG_LIVED { 0 } else { failures.saturating_add(1) };
            let longest = FIRST_WAIT.saturating_mul(1 << failures.min(6)).min(LONGEST_WAIT);
            let share = (self.sidecar.draw() >> 11) as f64 / (1_u64 << 53) as f64;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = sleep(longest.mul_f64(share)) => {}
            }
        }
    }

    /// One stream, from its opening to its end, or to `stop`.
    async fn stream(&mut self, stop: watch::Receiver<bool>) -> Result<(), tonic::Status> {
        let (answers, waiting) = mpsc::channel(ANSWERS);
        let hello = SidecarMessage { message: Some(ToControl::Hello(self.hello())) };
        let desk = Desk::new(self.sidecar.clone());
        let outgoing = live::outgoing(hello, waiting, desk.clone(), stop);
        let mut client = ControlPlaneClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let mut request = tonic::Request::new(outgoing);
        if let Some(file) = &self.token {
            request.metadata_mut().insert("authorization", token::bearer(file)?);
        }
        let opened = timeout(OPEN_TIME, client.subscribe(request)).await;
        let silent = || tonic::Status::deadline_exceeded("the control plane did not answer in time");
        let mut incoming = opened.map_err(|_| silent())??.into_inner();
        self.status.connected();
        self.sidecar.metrics.control_stream(true);
        while let Some(ControlMessage { message }) = incoming.message().await? {
            let answer = match message {
                Some(FromControl::Policy(policy)) => {
                    let version = policy.version.clone();
                    let applied = self.applier.policy(&self.sidecar, &policy);
                    self.answer(Subject::Policy, version, applied)
                }
                Some(FromControl::Credentials(credentials)) => {
                    let version = credentials.version.clone();
                    let applied = self.applier.credentials(&self.sidecar, credentials);
                    self.answer(Subject::Credentials, version, applied)
                }
                Some(FromControl::Watch(asked)) => {
                    desk.watch(&asked);
                    continue;
                }
                Some(FromControl::Recall(asked)) => {
                    desk.recall(&asked);
                    continue;
                }
                None => continue,
            };
            if answers.send(SidecarMessage { message: Some(answer) }).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn hello(&self) -> Hello {
        let has = self.applier.has();
        Hello {
            caller: Some(encode_caller(&self.sidecar.caller)),
            sidecar_version: env!("CARGO_PKG_VERSION").to_owned(),
            policy_version: has.policy,
            epoch: has.epoch,
            credentials_version: has.credentials,
            features: FEATURES.iter().map(|f| (*f).to_owned()).collect(),
        }
    }

    fn answer(&self, subject: Subject, version: String, applied: Result<(), String>) -> ToControl {
        let subject = subject.into();
        match applied {
            Ok(()) => {
                if let Some(armed) = self.sidecar.armed.load().as_ref() {
                    self.status.armed(&armed.snapshot.version);
                }
                ToControl::Ack(Ack { subject, version })
            }
            Err(reason) => {
                tracing::warn!(%version, %reason, "what the control plane sent was refused");
                self.status.refused(&reason);
                self.sidecar.metrics.policy_refused();
                ToControl::Nack(Nack { subject, version, reason })
            }
        }
    }
}
