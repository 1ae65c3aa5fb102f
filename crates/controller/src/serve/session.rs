//! One sidecar's stream, from its Hello to its end.
//!
//! The stream is driven by the transport's demand: what is sent is worked out when it can be sent, so that the newest
//! wins and nothing queues. Keys go before the policy that needs them, and after the one that no longer does.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use sidegate_policy::Caller;
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::{decode_caller, v1};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};

use super::link::Peer;
use crate::control::{Contents, Control, Counters, Refusal, Seat};
use crate::index::{Effective, Key, Keys};
use crate::secret::SecretValue;

/// A sidecar says who it is within this time.
const HELLO: Duration = Duration::from_secs(5);
/// Changes within this time are one.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// Streams of one control plane.
const MOST_STREAMS: usize = 20_000;
/// Messages of one sidecar within [`PERIOD`]; it has two to answer each time.
const MOST_MESSAGES: u32 = 200;
const PERIOD: Duration = Duration::from_secs(10);
/// Bytes kept of a reason.
const LONGEST_REASON: usize = 512;

/// One sidecar's stream.
pub(super) struct Session {
    control: Arc<Control>,
    peer: Peer,
    inbound: Streaming<v1::SidecarMessage>,
    revision: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    greeted: Option<Greeted>,
    heard: (Instant, u32),
}

/// What is known once a sidecar has said Hello.
struct Greeted {
    caller: Arc<Caller>,
    seat: Seat,
    /// Versions that it has or was sent, whether it took them or not: the same is not sent twice.
    policy: Arc<str>,
    keys: Arc<str>,
    /// How many keys it was sent on this stream.
    keys_sent: usize,
    /// What the policy that it has or was sent is made of.
    sent: Arc<Contents>,
    /// Something may have changed since the last look.
    stale: bool,
}

/// Why a stream ends, or what it sends next.
type Next = Result<Option<v1::ControlMessage>, Status>;

/// What a stream waits for.
enum Event {
    Closing,
    Changed,
    Heard(Option<Box<v1::SidecarMessage>>),
}

impl Session {
    pub(super) fn new(control: Arc<Control>, peer: Peer, inbound: Streaming<v1::SidecarMessage>) -> Self {
        let (revision, closing) = (control.revisions(), control.closing());
        Self { control, peer, inbound, revision, closing, greeted: None, heard: (Instant::now(), 0) }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<v1::ControlMessage, Status>> + Send {
        futures_util::stream::unfold(Some(self), |session| async move {
            let mut session = session?;
            match session.next().await {
                Ok(Some(message)) => Some((Ok(message), Some(session))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        })
    }

    async fn next(&mut self) -> Next {
        loop {
            let Some(greeted) = &mut self.greeted else {
                self.greet().await?;
                continue;
            };
            if greeted.stale {
                let effective = self.control.effective(&greeted.caller);
                if let Some(message) = greeted.due(&self.control, &self.peer, &effective) {
                    return Ok(Some(message));
                }
                greeted.stale = false;
            }
            let event = tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => Event::Closing,
                changed = self.revision.changed() => if changed.is_ok() { Event::Changed } else { Event::Closing },
                message = self.inbound.message() => Event::Heard(message?.map(Box::new)),
            };
            match event {
                Event::Closing | Event::Heard(None) => return Ok(None),
                Event::Heard(Some(message)) => self.hear(*message)?,
                Event::Changed => {
                    tokio::time::sleep(DEBOUNCE).await;
                    self.revision.mark_unchanged();
                    greeted.stale = true;
                }
            }
        }
    }

    async fn greet(&mut self) -> Result<(), Status> {
        let first = tokio::select! {
            _ = self.closing.wait_for(|closing| *closing) => return Err(Status::unavailable("closing")),
            first = timeout(HELLO, self.inbound.message()) => first,
        };
        let message = first.map_err(|_| Status::deadline_exceeded("no Hello within 5 s"))??;
        let Some(v1::SidecarMessage { message: Some(Up::Hello(hello)) }) = message else {
            return Err(Status::invalid_argument("the first message must be Hello"));
        };
        let Some(caller) = hello.caller.map(decode_caller).filter(|c| !c.namespace.is_empty()).map(Arc::new) else {
            return Err(Status::invalid_argument("Hello must name the caller and its namespace"));
        };
        let who = format!("{}/{}", caller.namespace, caller.pod);
        let Some(seat) = self.control.roster.sit(caller.clone(), MOST_STREAMS) else {
            return Err(Status::resource_exhausted("too many streams"));
        };
        seat.note(|seated| {
            seated.policy = printable(&hello.policy_version).into();
            seated.credentials = printable(&hello.credentials_version).into();
        });
        tracing::info!("{who} is connected from {} (sidecar {})", self.peer.address, printable(&hello.sidecar_version));
        if hello.epoch > self.control.epoch() {
            let (theirs, ours) = (hello.epoch, self.control.epoch());
            tracing::error!("{who} has a policy of epoch {theirs}, which is after {ours}: it will refuse older ones");
        }
        self.greeted = Some(Greeted {
            caller,
            seat,
            policy: hello.policy_version.into(),
            keys: hello.credentials_version.into(),
            keys_sent: 0,
            sent: Arc::default(),
            stale: true,
        });
        Ok(())
    }

    fn hear(&mut self, message: v1::SidecarMessage) -> Result<(), Status> {
        let now = Instant::now();
        if now.duration_since(self.heard.0) >= PERIOD {
            self.heard = (now, 0);
        }
        self.heard.1 += 1;
        if self.heard.1 > MOST_MESSAGES {
            return Err(Status::resource_exhausted("too many messages"));
        }
        let Some(greeted) = &self.greeted else { return Ok(()) };
        match message.message {
            Some(Up::Ack(ack)) => greeted.took(&self.control, &ack),
            Some(Up::Nack(nack)) => greeted.refused(&self.control, &nack),
            Some(Up::Hello(_)) => return Err(Status::invalid_argument("Hello is the first message only")),
            // A kind of message that a newer sidecar has.
            None => {}
        }
        Ok(())
    }
}

impl Greeted {
    /// What the sidecar does not have yet, one message at a time.
    fn due(&mut self, control: &Control, peer: &Peer, effective: &Effective) -> Option<v1::ControlMessage> {
        // Fewer keys, and a policy that asks for fewer: taken away first, they would be missed until it comes.
        let fewer = effective.keys.keys.len() < self.keys_sent && self.policy != effective.snapshot.version;
        if self.keys != effective.keys.version && !fewer {
            self.keys.clone_from(&effective.keys.version);
            self.keys_sent = effective.keys.keys.len();
            if peer.loopback {
                Counters::raise(&control.counters.credentials);
                return Some(v1::ControlMessage { message: Some(Down::Credentials(credentials(&effective.keys))) });
            }
            if !effective.keys.keys.is_empty() {
                Counters::raise(&control.counters.withheld);
                let address = &peer.address;
                tracing::error!(
                    "keys are withheld from {address}: the stream is not encrypted and leaves this machine"
                );
            }
        }
        let encoded = &effective.snapshot;
        let same = self.policy == encoded.version;
        if !Arc::ptr_eq(&self.sent, &effective.contents) {
            self.sent.clone_from(&effective.contents);
            if same {
                // The same bytes may be made of newer objects.
                self.seat.note(|seated| seated.now_holds(&encoded.version, &effective.contents));
            }
        }
        if same {
            return None;
        }
        self.policy.clone_from(&encoded.version);
        Counters::raise(&control.counters.policies);
        let policy = v1::Policy {
            version: encoded.version.to_string(),
            epoch: control.epoch(),
            snapshot: encoded.bytes.clone(),
            intentional_empty: encoded.empty && control.complete(),
        };
        Some(v1::ControlMessage { message: Some(Down::Policy(policy)) })
    }

    fn took(&self, control: &Control, ack: &v1::Ack) {
        Counters::raise(&control.counters.acks);
        let version: Arc<str> = printable(&ack.version).into();
        self.seat.note(|seated| {
            seated.refusal = None;
            match ack.subject() {
                v1::Subject::Credentials => seated.credentials = version,
                v1::Subject::Policy | v1::Subject::Unspecified => {
                    seated.holds = self.contents_of(&version);
                    seated.policy = version;
                }
            }
        });
    }

    /// What a version is made of that this stream was sent last; nothing is known of others.
    fn contents_of(&self, version: &Arc<str>) -> Arc<Contents> {
        if self.policy == *version { self.sent.clone() } else { Arc::default() }
    }

    fn refused(&self, control: &Control, nack: &v1::Nack) {
        Counters::raise(&control.counters.nacks);
        let (who, reason) = (format!("{}/{}", self.caller.namespace, self.caller.pod), printable(&nack.reason));
        let (subject, version) = (nack.subject().as_str_name(), printable(&nack.version));
        tracing::error!("{who} refused {subject} {version}: {reason}");
        let (version, reason): (Arc<str>, Arc<str>) = (version.into(), reason.into());
        let of = match nack.subject() {
            v1::Subject::Credentials => Arc::default(),
            v1::Subject::Policy | v1::Subject::Unspecified => self.contents_of(&version),
        };
        self.seat.note(|seated| seated.refusal = Some(Refusal { version, reason, of }));
    }
}

/// A value as the owner of a message's bytes.
struct Shared(Arc<SecretValue>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

fn credentials(keys: &Keys) -> v1::Credentials {
    let credential = |key: &Key| v1::Credential {
        provider_namespace: key.namespace.to_string(),
        provider_name: key.provider.to_string(),
        name: key.name.to_string(),
        // Shares the value, which is overwritten when its last user drops it.
        value: bytes::Bytes::from_owner(Shared(key.value.clone())),
    };
    v1::Credentials { version: keys.version.to_string(), credentials: keys.keys.iter().map(credential).collect() }
}

/// What a sidecar says of itself, short and on one line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}
