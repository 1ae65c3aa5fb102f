//! The token that tells the control plane whose pod this is: read from its file at each connection, because the file
//! is written anew long before the token ends; overwritten when it has been sent, and never logged.

use std::path::Path;

use tonic::Status;
use tonic::metadata::{Ascii, MetadataValue};
use zeroize::Zeroizing;

/// Bytes that a token file may have; a token has about a thousand.
const LONGEST: u64 = 12 * 1024;

/// The value of `authorization` for the token in `file`.
///
/// # Errors
/// A status whose message names the file and what is wrong with it, and nothing of its content.
pub fn bearer(file: &Path) -> Result<MetadataValue<Ascii>, Status> {
    let wrong = |what: &str| Status::unauthenticated(format!("the token file {} {what}", file.display()));
    let length = std::fs::metadata(file).map_err(|e| wrong(&format!("cannot be read: {e}")))?.len();
    if length > LONGEST {
        return Err(wrong("is longer than any token"));
    }
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
    let text = Zeroizing::new(text);
    let token = text.trim();
    if token.is_empty() {
        return Err(wrong("is empty"));
    }
    let header = Zeroizing::new(format!("Bearer {token}"));
    let mut value = MetadataValue::try_from(header.as_str()).map_err(|_| wrong("holds no token"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("sidegate-token-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn a_token_is_read_anew_each_time_and_never_printed() {
        let path = file("anew", "first\n");
        let first = bearer(&path).unwrap();
        assert_eq!(first.to_str().unwrap(), "Bearer first");
        assert!(first.is_sensitive() && !format!("{first:?}").contains("first"));
        std::fs::write(&path, "second").unwrap();
        assert_eq!(bearer(&path).unwrap().to_str().unwrap(), "Bearer second");
        std::fs::remove_file(&path).unwrap();
        assert!(bearer(&path).unwrap_err().message().contains("cannot be read"));
    }

    #[test]
    fn what_is_no_token_is_told_without_being_shown() {
        for (name, content, what) in [("empty", " \n", "is empty"), ("odd", "canary\u{1}x", "holds no token")] {
            let path = file(name, content);
            let status = bearer(&path).unwrap_err();
            assert!(status.message().contains(what) && !status.message().contains("canary"), "{status}");
            std::fs::remove_file(&path).unwrap();
        }
    }
}
