//! The keys that their providers turn down, for whoever has to replace them.
//!
//! How long such a key is left alone is the breakers' business ([`crate::dispatch::breaker`]). Here it stays from the
//! first answer that turns it down until one that takes it, or until another key stands in its place; time alone
//! proves nothing. Told by name and by the mark that the control plane gave it, never by value.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidegate_wire::v1;
use tokio::sync::Notify;

/// Keys that are told at once. The control plane takes messages of 64 KiB.
const MOST_TOLD: usize = 64;

/// Provider (`namespace/name`) and credential.
type Name = (Arc<str>, Arc<str>);

/// Names a key for the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Namespace of the provider.
    pub namespace: String,
    /// Its name.
    pub provider: String,
    /// Name of the credential.
    pub credential: String,
    /// What tells its key from another one; empty if the control plane knows no marks.
    pub mark: String,
}

/// The keys of one sidecar that are turned down.
#[derive(Default)]
pub struct TurnedDown {
    known: Mutex<Known>,
    /// There is any: what a call that went well looks at, so that it pays nothing while all is well.
    any: AtomicBool,
    news: Notify,
}

#[derive(Default)]
struct Known {
    /// Since the start of the process: when it was turned down last.
    down: BTreeMap<Name, Duration>,
    /// All keys that are here.
    keys: BTreeMap<Name, Marked>,
}

impl TurnedDown {
    /// A provider turned a key down `now`. `in_force` says whether it is the key that calls go with: one that was
    /// replaced meanwhile says nothing of the other. It is asked under the lock that [`Self::replace`] takes after
    /// the new keys are in force, so that no old key's answer slips in behind.
    pub fn note(
        &self,
        (provider, credential): (&Arc<str>, &Arc<str>),
        now: Duration,
        in_force: impl Fn() -> bool,
    ) -> bool {
        let mut known = self.known();
        if !in_force() {
            return false;
        }
        let new = known.down.insert((provider.clone(), credential.clone()), now).is_none();
        self.any.store(true, Ordering::Relaxed);
        drop(known);
        if new {
            tracing::warn!("{provider} turns down the key of credential {credential}");
            self.news.notify_one();
        }
        true
    }

    /// An attempt that began at `began` went well with that credential. One that began before the key was turned down
    /// proves nothing.
    pub fn taken(&self, (provider, credential): (&Arc<str>, &Arc<str>), began: Duration) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let (mut known, name) = (self.known(), (provider.clone(), credential.clone()));
        if known.down.get(&name).is_some_and(|since| began >= *since) {
            known.down.remove(&name);
            self.any.store(!known.down.is_empty(), Ordering::Relaxed);
            drop(known);
            tracing::info!("{provider} takes the key of credential {credential} again");
            self.news.notify_one();
        }
    }

    /// These keys are in force now; `same` says of a provider and credential whether its key is what it was.
    pub fn replace(&self, keys: Vec<Marked>, same: impl Fn(&str, &str) -> bool) {
        let name =
            |key: &Marked| (format!("{}/{}", key.namespace, key.provider).into(), key.credential.as_str().into());
        let mut known = self.known();
        known.keys = keys.into_iter().map(|key| (name(&key), key)).collect();
        let Known { down, keys } = &mut *known;
        down.retain(|(provider, credential), _| same(provider, credential));
        down.retain(|name, _| keys.contains_key(name));
        self.any.store(!down.is_empty(), Ordering::Relaxed);
        drop(known);
        // They may have other marks.
        self.news.notify_one();
    }

    /// All of them, as the control plane is told; in a fixed order.
    #[must_use]
    pub fn told(&self) -> Vec<v1::RejectedCredential> {
        let known = self.known();
        let marked = known.down.keys().filter_map(|name| known.keys.get(name));
        let told = marked.filter(|key| !key.mark.is_empty()).take(MOST_TOLD).map(|key| v1::RejectedCredential {
            provider_namespace: key.namespace.clone(),
            provider_name: key.provider.clone(),
            name: key.credential.clone(),
            mark: key.mark.clone(),
        });
        told.collect()
    }

    /// Waits until what is told may be something else.
    pub async fn changed(&self) {
        self.news.notified().await;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
