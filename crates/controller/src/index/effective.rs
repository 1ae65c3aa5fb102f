//! The effective policy of a class of callers, encoded once and shared.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use aws_lc_rs::digest;
use bytes::Bytes;
use sidegate_policy::{Snapshot, Telemetry};
use sidegate_wire::encode_snapshot;

use super::Conflict;
use super::keys::Keys;
use crate::control::Contents;

/// What a class of callers is governed by.
pub struct Effective {
    /// The policy.
    pub snapshot: Arc<Encoded>,
    /// The keys that the policy can use.
    pub keys: Arc<Keys>,
    /// Routes that can never match, because others do before them.
    pub conflicts: Vec<Conflict>,
    /// The objects that it is made of.
    pub contents: Arc<Contents>,
}

/// A policy and its bytes.
#[derive(Debug)]
pub struct Encoded {
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub version: Arc<str>,
    /// The encoded snapshot.
    pub bytes: Bytes,
    /// The same as a value.
    pub snapshot: Snapshot,
    /// It says nothing at all: no provider, no rule, and nothing of what is told.
    pub empty: bool,
}

/// Encoded policies by version, as long as someone uses them, so that equal ones share their bytes.
#[derive(Default)]
pub(super) struct EncodedCache {
    by_version: HashMap<Arc<str>, Weak<Encoded>>,
    /// How many there may be before unused ones are looked for.
    roomy: usize,
}

impl EncodedCache {
    pub(super) fn encode(&mut self, mut snapshot: Snapshot) -> Arc<Encoded> {
        let bytes = encode_snapshot(&snapshot);
        let version: Arc<str> = hex(digest::digest(&digest::SHA256, &bytes).as_ref()).into();
        if let Some(known) = self.by_version.get(&version).and_then(Weak::upgrade) {
            return known;
        }
        snapshot.version = version.clone();
        let empty = snapshot.providers.is_empty()
            && snapshot.allow.is_empty()
            && snapshot.deny.is_empty()
            && snapshot.routes.is_empty()
            && snapshot.limits.is_empty()
            && snapshot.telemetry == Telemetry::default();
        let encoded = Arc::new(Encoded { version: version.clone(), bytes, snapshot, empty });
        self.by_version.insert(version, Arc::downgrade(&encoded));
        encoded
    }

    /// Forgets those that nobody uses, often enough that they never outnumber the others by much.
    pub(super) fn forget_unused(&mut self) {
        if self.by_version.len() > self.roomy {
            self.by_version.retain(|_, encoded| encoded.strong_count() > 0);
            self.roomy = 2 * self.by_version.len() + 64;
        }
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|nibble| char::from_digit(nibble.into(), 16).unwrap_or('0')));
        text
    })
}
