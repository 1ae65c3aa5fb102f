//! Keys. A value lives only in [`SecretValue`], which cannot be printed and is overwritten when the last user drops it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes that a key may have: what fits a header beside the others.
const LONGEST_KEY: usize = 8 * 1024;

/// The value of one key: visible ASCII without surrounding white space.
#[derive(PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// Takes a value as people paste it: a byte-order mark, a trailing newline and surrounding blanks are dropped.
    ///
    /// # Errors
    /// Why the value is no key; never the value.
    pub fn read(raw: &[u8]) -> Result<Self, BadValue> {
        let trimmed = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw).trim_ascii();
        match trimmed {
            [] => Err(BadValue::Empty),
            long if long.len() > LONGEST_KEY => Err(BadValue::TooLong),
            odd if !odd.iter().all(u8::is_ascii_graphic) => Err(BadValue::NotPrintable),
            plain => Ok(Self(Zeroizing::new(plain.to_vec()))),
        }
    }
}

impl AsRef<[u8]> for SecretValue {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Why a value is no key. The words never hold the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadValue {
    /// Nothing but blanks.
    #[error("its value is empty")]
    Empty,
    /// More than any key has.
    #[error("its value is longer than {LONGEST_KEY} bytes")]
    TooLong,
    /// It does not fit a header.
    #[error("its value holds white space, control or non-ASCII characters, which no header may carry")]
    NotPrintable,
    /// `data` is not base64.
    #[error("its value under data is not base64; plain text goes under stringData")]
    NotBase64,
}

/// A Secret: keys by name, and the hosts that they may go to.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The hosts that its keys may be sent to, in lower case; none means any.
    pub hosts: Option<Vec<String>>,
    /// Its keys, or why a value is none.
    pub keys: BTreeMap<String, Result<Arc<SecretValue>, BadValue>>,
}

/// The annotation that binds a Secret's keys to hosts.
pub const HOSTS_ANNOTATION: &str = "sidegate.dev/hosts";

impl Secret {
    /// The hosts that an annotation names.
    #[must_use]
    pub fn hosts_of(annotation: &str) -> Vec<String> {
        annotation.split(',').map(|host| host.trim().to_ascii_lowercase()).filter(|host| !host.is_empty()).collect()
    }

    /// Where a newer version differs: the names of keys, and the annotation that binds them.
    pub(crate) fn differences(&self, newer: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.keys.keys().chain(newer.keys.keys()).collect();
        let differs = names.into_iter().filter(|name| self.keys.get(*name) != newer.keys.get(*name));
        let mut paths: Vec<String> = differs.map(|name| format!("data[{name}]")).collect();
        if self.hosts != newer.hosts {
            paths.push(format!("metadata.annotations[{HOSTS_ANNOTATION}]"));
        }
        paths
    }
}
