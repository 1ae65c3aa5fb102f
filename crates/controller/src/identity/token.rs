//! A token as it came: never printed, and overwritten when it is dropped.

use tonic::metadata::MetadataMap;
use zeroize::Zeroizing;

/// Bytes that a token may have; a ServiceAccount's has about a thousand.
const LONGEST: usize = 12 * 1024;

/// A bearer token.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token of a request, if it shows one.
    #[must_use]
    pub fn of(metadata: &MetadataMap) -> Option<Self> {
        let header = metadata.get("authorization")?.to_str().ok()?;
        let (scheme, token) = header.split_once(' ')?;
        let token = token.trim();
        let fits = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= LONGEST;
        fits.then(|| Self(Zeroizing::new(token.to_owned())))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}
