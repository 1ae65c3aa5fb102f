//! The shape of the project, held by tests instead of by goodwill: which crate may know which, versions that
//! must not fall below a mended flaw, files that stay small and say what they are, a README that names what
//! exists.
//!
//! Reads manifests, the lock file and sources; builds and runs nothing else.

#![expect(clippy::expect_used, clippy::panic, reason = "what these tests cannot read is a failure of theirs")]

mod dependencies;
mod failures;
mod readme;
mod sources;
mod versions;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The top of the checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the top of the checkout")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What cargo prints for `args`.
fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(args).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
