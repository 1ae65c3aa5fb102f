//! Names and patterns against each other.

use sidegate_policy::Glob;

/// Whether some name is meant by both.
pub fn overlap(one: &Glob, other: &Glob) -> bool {
    match (one, other) {
        (Glob::Any, _) | (_, Glob::Any) => true,
        (Glob::Exact(name), glob) | (glob, Glob::Exact(name)) => glob.matches(name),
        (Glob::Prefix(a), Glob::Prefix(b)) => a.starts_with(&**b) || b.starts_with(&**a),
        (Glob::Suffix(a), Glob::Suffix(b)) => a.ends_with(&**b) || b.ends_with(&**a),
        // A beginning and an end always meet in a name that is long enough.
        (Glob::Prefix(_), Glob::Suffix(_)) | (Glob::Suffix(_), Glob::Prefix(_)) => true,
    }
}

#[cfg(test)]
mod tests;
