//! What a sidecar says of keys that their providers turn down: bounded, by name and mark, and kept with its seat.
//!
//! Whether a mark is that of the key in force is not asked here: that changes, and is looked at when a status is
//! derived. Only who was sent a key knows its mark, so a sidecar can say nothing of the keys of others.

use sidegate_wire::v1;

use crate::control::{RejectedKey, Seat};
use crate::problem::{Kind, ObjectName};

/// Keys that are heard of at once.
const MOST: usize = 64;
/// Bytes of a name, as Kubernetes has them.
const LONGEST_NAME: usize = 253;
/// Bytes of a mark: more than any of ours has.
const LONGEST_MARK: usize = 64;

/// Takes what the sidecar of `who` says.
pub(super) fn hear(seat: &Seat, who: &str, told: v1::Rejected) {
    let mut keys: Vec<RejectedKey> = told.credentials.into_iter().take(MOST).filter_map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in seat.rejects(keys.into()) {
        tracing::warn!("{who}: {} turns down the key of credential {}", key.provider, key.credential);
    }
}

/// `None` for what cannot be the name or mark of a key.
fn key(told: v1::RejectedCredential) -> Option<RejectedKey> {
    let v1::RejectedCredential { provider_namespace, provider_name, name, mark } = told;
    let is_name =
        |name: &str| !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(|b| b.is_ascii_graphic());
    let good = [&provider_namespace, &provider_name, &name].into_iter().all(|name| is_name(name));
    let marked = mark.len() <= LONGEST_MARK && mark.bytes().all(|b| b.is_ascii_hexdigit()) && !mark.is_empty();
    (good && marked).then(|| RejectedKey {
        provider: ObjectName::new(Kind::AiProvider, provider_namespace, provider_name),
        credential: name.into(),
        mark: mark.into(),
    })
}
