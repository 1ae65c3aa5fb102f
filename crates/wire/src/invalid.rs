//! What may be wrong with a snapshot, and where: the reason that a sidecar gives when it refuses one.

use thiserror::Error;

/// A snapshot that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{}{wrong}", field, if field.is_empty() { "" } else { ": " })]
pub struct InvalidSnapshot {
    /// Path of the field, for example `providers[2].endpoint.port`; empty for the whole.
    pub field: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What may be wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Wrong {
    /// More bytes than any snapshot may have.
    #[error("{size} bytes are more than the {limit} that a snapshot may have")]
    TooLarge {
        /// Bytes that came.
        size: usize,
        /// Bytes that may come.
        limit: usize,
    },
    /// The bytes are no message.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The snapshot would be misread without this feature.
    #[error("requires the feature {0:?}, which this program does not have")]
    UnknownFeature(String),
    /// The number is no known value of its enum.
    #[error("{0} is no known value")]
    UnknownValue(i32),
    /// Nothing where something has to be.
    #[error("missing")]
    Missing,
    /// A number outside of its bounds.
    #[error("{0} is out of bounds")]
    OutOfBounds(u64),
    /// A text that is no glob.
    #[error("{0}")]
    NotAGlob(String),
    /// Matches inside matches beyond the limit.
    #[error("nested deeper than {0}")]
    TooDeep(usize),
}

impl InvalidSnapshot {
    pub(crate) fn at(field: &str, wrong: Wrong) -> Self {
        Self { field: field.to_owned(), wrong }
    }

    /// The same, seen from the message that holds the field as `outer`.
    pub(crate) fn within(mut self, outer: &str) -> Self {
        self.field = if self.field.is_empty() { outer.to_owned() } else { format!("{outer}.{}", self.field) };
        self
    }
}

/// Converts each element, and names the one that fails.
pub(crate) fn each<T, U>(
    field: &str,
    items: Vec<T>,
    mut convert: impl FnMut(T) -> Result<U, InvalidSnapshot>,
) -> Result<Vec<U>, InvalidSnapshot> {
    let mut out = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        out.push(convert(item).map_err(|e| e.within(&format!("{field}[{at}]")))?);
    }
    Ok(out)
}

/// The message in a field that must not be absent.
pub(crate) fn present<T>(field: &str, value: Option<T>) -> Result<T, InvalidSnapshot> {
    value.ok_or_else(|| InvalidSnapshot::at(field, Wrong::Missing))
}

/// The text of a field that must not be empty.
pub(crate) fn filled(field: &str, value: String) -> Result<std::sync::Arc<str>, InvalidSnapshot> {
    if value.is_empty() { Err(InvalidSnapshot::at(field, Wrong::Missing)) } else { Ok(value.into()) }
}
