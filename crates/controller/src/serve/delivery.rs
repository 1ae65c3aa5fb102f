//! What one sidecar is sent, in which order, and what it makes of it.
//!
//! Keys go before the policy that needs them, and after the one that no longer does. The next look is taken when the
//! last one is answered, so that a sidecar is never sent faster than it takes, and what it misses meanwhile is only
//! what is not the newest any more.

use std::sync::Arc;
use std::time::Duration;

use sidegate_wire::v1;
use sidegate_wire::v1::control_message::Message as Down;
use tokio::time::Instant;

use super::link::Peer;
use super::printable;
use crate::control::{Contents, Control, Counters, Refusal, Seat};
use crate::index::{Effective, Key, Keys};
use crate::secret::SecretValue;

/// Changes within this time of the first are one.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// A sidecar that does not answer for so long is sent the newest nevertheless.
const ANSWER: Duration = Duration::from_secs(1);

/// What a sidecar has and is due.
pub(super) struct Delivery {
    /// Versions that it has or was sent, whether it took them or not: the same is not sent twice.
    policy: Arc<str>,
    keys: Arc<str>,
    /// How many keys it was sent on this stream.
    keys_sent: usize,
    /// What the policy that it has or was sent is made of.
    sent: Arc<Contents>,
    /// When it was sent what is not answered yet.
    open_policy: Option<Instant>,
    open_keys: Option<Instant>,
    /// No answer is waited for after this.
    patience: Instant,
    /// A look has begun, and all that it shows goes out together.
    looking: bool,
    /// When to look next; set by the first change and not put off by later ones.
    look: Option<Instant>,
}

impl Delivery {
    /// For a sidecar that has these versions; the first look is due at once.
    pub(super) fn new(policy: Arc<str>, keys: Arc<str>) -> Self {
        let now = Instant::now();
        Self {
            policy,
            keys,
            keys_sent: 0,
            sent: Arc::default(),
            open_policy: None,
            open_keys: None,
            patience: now,
            looking: false,
            look: Some(now),
        }
    }

    /// Something may have changed.
    pub(super) fn changed(&mut self) {
        self.look.get_or_insert_with(|| Instant::now() + DEBOUNCE);
    }

    /// When to look next, if that is known.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let look = self.look?;
        let answers_are_out = !self.looking && (self.open_policy.is_some() || self.open_keys.is_some());
        Some(if answers_are_out { look.max(self.patience) } else { look })
    }

    /// Everything has been sent that the last look showed.
    pub(super) fn settled(&mut self) {
        (self.looking, self.look) = (false, None);
    }

    /// What the sidecar does not have yet, one message at a time.
    pub(super) fn due(&mut self, seat: &Seat, control: &Control, peer: &Peer) -> Option<v1::ControlMessage> {
        self.looking = true;
        let effective = seat.effective();
        let message =
            self.due_keys(control, peer, &effective).or_else(|| self.due_policy(seat, control, &effective))?;
        self.patience = Instant::now() + ANSWER;
        Some(v1::ControlMessage { message: Some(message) })
    }

    fn due_keys(&mut self, control: &Control, peer: &Peer, effective: &Effective) -> Option<Down> {
        // Fewer keys, and a policy that asks for fewer: taken away first, they would be missed until it comes.
        let fewer = effective.keys.keys.len() < self.keys_sent && self.policy != effective.snapshot.version;
        if self.keys == effective.keys.version || fewer {
            return None;
        }
        self.keys.clone_from(&effective.keys.version);
        self.keys_sent = effective.keys.keys.len();
        if peer.loopback {
            Counters::raise(&control.counters.credentials.pushes);
            self.open_keys = Some(Instant::now());
            return Some(Down::Credentials(credentials(&effective.keys)));
        }
        if !effective.keys.keys.is_empty() {
            Counters::raise(&control.counters.withheld);
            let address = &peer.address;
            tracing::error!("keys are withheld from {address}: the stream is not encrypted and leaves this machine");
        }
        None
    }

    fn due_policy(&mut self, seat: &Seat, control: &Control, effective: &Effective) -> Option<Down> {
        let encoded = &effective.snapshot;
        let same = self.policy == encoded.version;
        if !Arc::ptr_eq(&self.sent, &effective.contents) {
            self.sent.clone_from(&effective.contents);
            if same {
                // The same bytes may be made of newer objects.
                seat.note(|seated| seated.now_holds(&encoded.version, &effective.contents));
            }
        }
        if same {
            return None;
        }
        self.policy.clone_from(&encoded.version);
        self.open_policy = Some(Instant::now());
        Counters::raise(&control.counters.policies.pushes);
        Some(Down::Policy(v1::Policy {
            version: encoded.version.to_string(),
            epoch: control.epoch(),
            snapshot: encoded.bytes.clone(),
            intentional_empty: encoded.empty && control.complete(),
        }))
    }

    /// The sidecar took something.
    pub(super) fn took(&mut self, seat: &Seat, counters: &Counters, ack: &v1::Ack) {
        let version: Arc<str> = printable(&ack.version).into();
        let keys = ack.subject() == v1::Subject::Credentials;
        let counters = counters.of(keys);
        Counters::raise(&counters.acks);
        if let Some(sent) = self.answered(keys, &version) {
            counters.took_after(sent.elapsed().as_secs_f64());
        }
        let holds = self.contents_of(keys, &version);
        seat.note(|seated| {
            seated.refusal = None;
            if keys {
                seated.credentials = version;
            } else {
                seated.policy = version;
                seated.holds = holds;
            }
        });
    }

    /// The sidecar refused something.
    pub(super) fn refused(&mut self, seat: &Seat, counters: &Counters, nack: &v1::Nack) {
        let (version, reason): (Arc<str>, Arc<str>) = (printable(&nack.version).into(), printable(&nack.reason).into());
        let keys = nack.subject() == v1::Subject::Credentials;
        Counters::raise(&counters.of(keys).nacks);
        self.answered(keys, &version);
        let of = self.contents_of(keys, &version);
        seat.note(|seated| seated.refusal = Some(Refusal { version, reason, of }));
    }

    /// When it was sent what it has answered, if that was the newest.
    fn answered(&mut self, keys: bool, version: &Arc<str>) -> Option<Instant> {
        match keys {
            true if self.keys == *version => self.open_keys.take(),
            false if self.policy == *version => self.open_policy.take(),
            _ => None,
        }
    }

    /// What the version of a policy is made of that this stream was sent last; nothing is known of others.
    fn contents_of(&self, keys: bool, version: &Arc<str>) -> Arc<Contents> {
        if !keys && self.policy == *version { self.sent.clone() } else { Arc::default() }
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
        mark: key.mark.to_string(),
    };
    v1::Credentials { version: keys.version.to_string(), credentials: keys.keys.iter().map(credential).collect() }
}
