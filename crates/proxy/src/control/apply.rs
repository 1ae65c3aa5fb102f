//! From what arrived to what is in force: checked, decoded, armed as a whole, and stored.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use sidegate_policy::Snapshot;
use sidegate_wire::v1::{Credentials, Policy};
use sidegate_wire::{MAX_SNAPSHOT_BYTES, decode_snapshot};

use super::store::Store;
use crate::armed::{Armed, Keys};
use crate::secret::Secret;
use crate::sidecar::Sidecar;
use crate::turned_down::Marked;

/// Longest key, in bytes.
const MAX_KEY: usize = 16 * 1024;

/// What is in force, and where it is kept.
pub struct Applier {
    store: Store,
    policy: Option<InForce>,
    keys: Keys,
    credentials_version: String,
}

struct InForce {
    version: String,
    epoch: u64,
    snapshot: Snapshot,
}

/// Versions for a Hello.
#[derive(Debug, Default)]
pub struct Has {
    /// Digest of the snapshot; empty if none.
    pub policy: String,
    /// Its epoch.
    pub epoch: u64,
    /// Version of the credentials; empty if none.
    pub credentials: String,
}

impl Applier {
    /// Nothing in force yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, policy: None, keys: Keys::new(), credentials_version: String::new() }
    }

    /// Arms the policy that was stored by an earlier run; false if there is none that can be used.
    pub fn restore(&mut self, sidecar: &Arc<Sidecar>) -> bool {
        let Some(policy) = self.store.load() else {
            return false;
        };
        match self.check(&policy).and_then(|snapshot| self.arm(sidecar, snapshot, &policy)) {
            Ok(()) => true,
            Err(reason) => {
                tracing::warn!(%reason, "the stored policy cannot be used");
                false
            }
        }
    }

    /// What is in force.
    #[must_use]
    pub fn has(&self) -> Has {
        let (policy, epoch) = self.policy.as_ref().map(|p| (p.version.clone(), p.epoch)).unwrap_or_default();
        Has { policy, epoch, credentials: self.credentials_version.clone() }
    }

    /// Puts a policy in force.
    ///
    /// # Errors
    /// The reason why not, for people; then the last one stays.
    pub fn policy(&mut self, sidecar: &Arc<Sidecar>, policy: &Policy) -> Result<(), String> {
        let snapshot = self.check(policy)?;
        self.arm(sidecar, snapshot, policy)?;
        self.store
            .save(policy)
            .map_err(|e| {
                // It is in force all the same; only the next start would have to wait for the control plane.
                tracing::warn!(error = %e, "the policy could not be stored");
            })
            .ok();
        Ok(())
    }

    /// Puts keys in force; those that are not among them are gone.
    ///
    /// # Errors
    /// The reason why not, which names no value; then the last ones stay.
    pub fn credentials(&mut self, sidecar: &Arc<Sidecar>, credentials: Credentials) -> Result<(), String> {
        let mut keys = Keys::with_capacity(credentials.credentials.len());
        let mut marks = Vec::with_capacity(credentials.credentials.len());
        for credential in credentials.credentials {
            let provider = format!("{}/{}", credential.provider_namespace, credential.provider_name);
            let secret = Secret::new(&credential.value);
            let usable =
                !credential.value.is_empty() && credential.value.len() <= MAX_KEY && secret.header("").is_some();
            if !usable {
                return Err(format!(
                    "the value of credential `{}` of {provider} cannot stand in a header",
                    credential.name
                ));
            }
            keys.insert((provider, credential.name.clone()), secret);
            marks.push(Marked {
                namespace: credential.provider_namespace,
                provider: credential.provider_name,
                credential: credential.name,
                mark: credential.mark,
            });
        }
        let before = std::mem::replace(&mut self.keys, keys);
        if let Some(policy) = &self.policy
            && let Err(reason) = self.swap(sidecar, policy.snapshot.clone())
        {
            self.keys = before;
            return Err(reason);
        }
        let same = |provider: &str, credential: &str| {
            let name = (provider.to_owned(), credential.to_owned());
            matches!((before.get(&name), self.keys.get(&name)), (Some(old), Some(new)) if old.is(new))
        };
        for (provider, credential) in before.keys().filter(|(provider, credential)| !same(provider, credential)) {
            sidecar.breakers.forget(provider, credential);
        }
        // After the swap: whoever comes with an answer to an old key from now on finds that it is one.
        sidecar.turned_down.replace(marks, same);
        self.credentials_version = credentials.version;
        Ok(())
    }

    fn check(&self, policy: &Policy) -> Result<Snapshot, String> {
        if policy.snapshot.len() > MAX_SNAPSHOT_BYTES {
            return Err(format!("the snapshot has {} bytes, more than {MAX_SNAPSHOT_BYTES}", policy.snapshot.len()));
        }
        let digest = digest(&policy.snapshot);
        if digest != policy.version {
            return Err(format!("the snapshot's digest is {digest}, not its version"));
        }
        let before = self.policy.as_ref();
        if let Some(before) = before.filter(|b| policy.epoch < b.epoch) {
            return Err(format!("epoch {} is older than {}, which is in force", policy.epoch, before.epoch));
        }
        let snapshot = decode_snapshot(&policy.version, &policy.snapshot).map_err(|e| e.to_string())?;
        let rules = snapshot.allow.len() + snapshot.deny.len() + snapshot.routes.len() + snapshot.limits.len();
        let empty = snapshot.providers.is_empty() && rules == 0;
        let was_full = before.is_some_and(|b| !b.snapshot.providers.is_empty());
        if empty && was_full && !policy.intentional_empty {
            return Err("the policy is empty, and does not say that this is meant".to_owned());
        }
        Ok(snapshot)
    }

    fn arm(&mut self, sidecar: &Arc<Sidecar>, snapshot: Snapshot, policy: &Policy) -> Result<(), String> {
        self.swap(sidecar, snapshot.clone())?;
        self.policy = Some(InForce { version: policy.version.clone(), epoch: policy.epoch, snapshot });
        Ok(())
    }

    fn swap(&self, sidecar: &Arc<Sidecar>, snapshot: Snapshot) -> Result<(), String> {
        let armed = Armed::new(snapshot, &self.keys, &sidecar.pools).map_err(|e| e.to_string())?;
        sidecar.book().reconcile(&armed.snapshot.limits, sidecar.clock.now());
        sidecar.metrics.policy(&armed.snapshot, sidecar.clock.wall());
        sidecar.armed.store(Some(Arc::new(armed)));
        Ok(())
    }
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}
