//! A provider's key in memory: nothing prints it, and its bytes are zeroed when the last user lets go.
//!
//! As a header value it shares those bytes; only what hyper writes to the connection is a copy.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A key. Deliberately without Debug, Display and Serialize.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

/// The owner of the shared bytes of a header value.
struct Shared(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Secret {
    /// Takes a key over; the given bytes are the caller's to zero.
    #[must_use]
    pub fn new(value: &[u8]) -> Self {
        Self(Arc::new(Zeroizing::new(value.to_vec())))
    }

    /// Whether this is the same key.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    /// The header value `prefix` + key; none if the key cannot stand in a header.
    #[must_use]
    pub fn header(&self, prefix: &str) -> Option<HeaderValue> {
        let mut text = Zeroizing::new(Vec::with_capacity(prefix.len() + self.0.len()));
        text.extend_from_slice(prefix.as_bytes());
        text.extend_from_slice(&self.0);
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Shared(text))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}
