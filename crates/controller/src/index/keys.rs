//! The keys and certificates that providers name: found, checked, bound to hosts, or missing for a reason.

use std::sync::Arc;

use aws_lc_rs::hmac;
use sidegate_crds::{AcceptedProvider, KeyRef};
use thiserror::Error;

use super::effective::hex;
use super::{Index, Name};
use crate::secret::SecretValue;

/// Bytes of certificates that one provider may have.
const MOST_PEM: usize = 256 * 1024;

/// The keys that a policy can use. It cannot be printed.
pub struct Keys {
    /// Changes with any value; tells nothing about the values.
    pub version: Arc<str>,
    /// The keys.
    pub keys: Vec<Key>,
}

/// One key of one provider.
pub struct Key {
    /// Namespace of the provider.
    pub namespace: Arc<str>,
    /// Name of the provider.
    pub provider: Arc<str>,
    /// Name of the credential.
    pub name: Arc<str>,
    /// The key itself.
    pub value: Arc<SecretValue>,
    /// Tells its value from another one, and nothing about it.
    pub mark: Arc<str>,
}

/// Why a key cannot be had; the words never hold its value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum NoKey {
    /// It is not there.
    #[error("{0}")]
    Missing(String),
    /// It is there and may not or cannot be used.
    #[error("{0}")]
    Invalid(String),
}

impl Index {
    /// The keys of these providers; those that cannot be had are left out.
    pub(super) fn keys_of(&self, providers: &[&Name]) -> Keys {
        let mut keys = Vec::new();
        for entry in providers.iter().filter_map(|name| self.providers.get(*name)) {
            let (origin, provider) = (&entry.accepted.origin, &entry.accepted);
            keys.extend(provider.credentials.iter().filter_map(|credential| {
                let value = self.key(provider, &credential.secret).ok()?;
                Some(Key {
                    namespace: origin.namespace.clone(),
                    provider: origin.name.clone(),
                    name: credential.name.clone(),
                    mark: self.mark(&value),
                    value,
                })
            }));
        }
        let mut version = hmac::Context::with_key(&self.salt);
        for key in &keys {
            for part in [key.namespace.as_bytes(), key.provider.as_bytes(), key.name.as_bytes(), (*key.value).as_ref()]
            {
                version.update(&part.len().to_be_bytes());
                version.update(part);
            }
        }
        Keys { version: hex(version.sign().as_ref()).into(), keys }
    }

    /// Tells one value from another, and nothing else about them.
    pub(super) fn mark(&self, value: &SecretValue) -> Arc<str> {
        hex(&hmac::sign(&self.salt, value.as_ref()).as_ref()[..8]).into()
    }

    /// The value that a credential names, or why there is none; the reason never holds the value.
    pub(super) fn key(&self, provider: &AcceptedProvider, reference: &KeyRef) -> Result<Arc<SecretValue>, NoKey> {
        let KeyRef { name, key } = reference;
        let namespace = &provider.origin.namespace;
        let Some(secret) = self.secrets.get(&(namespace.clone(), name.clone())) else {
            return Err(NoKey::Missing(format!("there is no Secret {name} in namespace {namespace}")));
        };
        let host = &provider.provider.endpoint.host;
        if secret.hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(|h| **h == **host)) {
            return Err(NoKey::Invalid(format!("Secret {name} is bound by its annotation to other hosts than {host}")));
        }
        match secret.keys.get(&**key) {
            None => Err(NoKey::Missing(format!("Secret {name} has no key {key}"))),
            Some(Err(bad)) => Err(NoKey::Invalid(format!("key {key} of Secret {name} cannot be used: {bad}"))),
            Some(Ok(value)) => Ok(value.clone()),
        }
    }

    /// The certificates that a provider names, or why they cannot be had; `None` where it names none.
    pub(super) fn authorities(&self, provider: &AcceptedProvider) -> Result<Option<String>, String> {
        if provider.authorities.is_empty() {
            return Ok(None);
        }
        let namespace = &provider.origin.namespace;
        let mut pem = String::new();
        for KeyRef { name, key } in &provider.authorities {
            let Some(map) = self.config_maps.get(&(namespace.clone(), name.clone())) else {
                return Err(format!("there is no ConfigMap {name} in namespace {namespace}"));
            };
            let Some(text) = map.get(&**key) else {
                return Err(format!("ConfigMap {name} has no key {key}"));
            };
            if !text.contains("-----BEGIN CERTIFICATE-----") {
                return Err(format!("key {key} of ConfigMap {name} holds no certificate in PEM"));
            }
            pem.push_str(text.trim());
            pem.push('\n');
        }
        if pem.len() > MOST_PEM {
            return Err(format!("the certificates are longer than {MOST_PEM} bytes together"));
        }
        Ok(Some(pem))
    }
}
