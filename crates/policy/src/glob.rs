//! Names with one leading or trailing `*`, as people write them for models.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A model name or a pattern over names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Glob {
    /// `*`
    Any,
    /// `gpt-4o`
    Exact(Arc<str>),
    /// `gpt-*`, kept without the star
    Prefix(Arc<str>),
    /// `*-mini`, kept without the star
    Suffix(Arc<str>),
}

/// A text that is no glob: empty, with white space, or with a star elsewhere than at one end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a model name or a name with one leading or trailing *")]
pub struct InvalidGlob(pub String);

impl Glob {
    /// Reads `^(\*|\*?[^*\s]+|[^*\s]+\*)$`.
    ///
    /// # Errors
    /// [`InvalidGlob`] when `text` has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidGlob> {
        let plain = |s: &str| !s.is_empty() && !s.contains(|c: char| c == '*' || c.is_whitespace());
        if text == "*" {
            Ok(Self::Any)
        } else if let Some(rest) = text.strip_prefix('*').filter(|r| plain(r)) {
            Ok(Self::Suffix(rest.into()))
        } else if let Some(rest) = text.strip_suffix('*').filter(|r| plain(r)) {
            Ok(Self::Prefix(rest.into()))
        } else if plain(text) {
            Ok(Self::Exact(text.into()))
        } else {
            Err(InvalidGlob(text.to_owned()))
        }
    }

    /// Whether `name` is meant by this glob. Case matters, as it does to the providers.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(s) => **s == *name,
            Self::Prefix(s) => name.starts_with(&**s),
            Self::Suffix(s) => name.ends_with(&**s),
        }
    }

    /// Whether every name that `other` means is meant by this glob too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Exact(name)) => self.matches(name),
            (Self::Prefix(a), Self::Prefix(b)) => b.starts_with(&**a),
            (Self::Suffix(a), Self::Suffix(b)) => b.ends_with(&**a),
            _ => false,
        }
    }

    /// The name itself, where this is one name and no pattern.
    #[must_use]
    pub fn literal(&self) -> Option<&Arc<str>> {
        match self {
            Self::Exact(name) => Some(name),
            _ => None,
        }
    }

    /// How closely it names: an exact name before any pattern, then the longer pattern.
    #[must_use]
    pub fn closeness(&self) -> usize {
        match self {
            Self::Any => 0,
            Self::Prefix(s) | Self::Suffix(s) => s.len(),
            Self::Exact(_) => usize::MAX,
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(s) => f.write_str(s),
            Self::Prefix(s) => write!(f, "{s}*"),
            Self::Suffix(s) => write!(f, "*{s}"),
        }
    }
}
