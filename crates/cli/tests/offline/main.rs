//! The command line over files, as people and scripts see it: what it prints, and how it ends.
//!
//! What is printed is held to the files in `golden`. `SIDEGATE_WRITE_GOLDEN=1` writes them anew, to be read before they
//! are kept.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test needs and does not get ends it")]

mod called;
mod check;
mod documented;
mod effective;
mod explain;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the program came to.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

const SHOP: &str = "tests/offline/objects/shop";
const WRONG: &str = "tests/offline/objects/wrong";
const KEYS: &str = "tests/offline/objects/keys.yaml";

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_sidegate"))
}

/// Runs `program` beside no cluster, with `piped` on its standard input.
fn run(program: &Path, args: &[&str], piped: &str) -> Ended {
    let mut child = Command::new(program)
        .args(args)
        .env("KUBECONFIG", "/dev/null")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(piped.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn sidegate(args: &[&str]) -> Ended {
    run(&program(), args, "")
}

/// Runs it and holds what it prints to `golden/NAME`, and its exit code to `code`.
#[track_caller]
fn golden(name: &str, code: i32, args: &[&str]) -> String {
    let ended = sidegate(args);
    assert_eq!((ended.code, &*ended.err), (code, ""), "{}", ended.out);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/offline/golden").join(name);
    let printed = masked(&ended.out);
    #[expect(clippy::disallowed_methods, reason = "this is a switch of the test run")]
    if std::env::var_os("SIDEGATE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(printed == kept, "{} is not what was printed:\n{printed}", path.display());
    printed
}

/// Without what changes from day to day: the digest of a policy, and the price list's version.
fn masked(text: &str) -> String {
    let word = |word: &str| {
        let hex = word.len() >= 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let date = word.len() == 10 && word.bytes().filter(|b| *b == b'-').count() == 2 && word.starts_with("20");
        match (hex, date) {
            (true, _) => "DIGEST".to_owned(),
            (_, true) => "DATE".to_owned(),
            _ => word.to_owned(),
        }
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(end) = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        out.push_str(&word(&rest[..end]));
        let next = end + rest[end..].chars().next().unwrap().len_utf8();
        out.push_str(&rest[end..next]);
        rest = &rest[next..];
    }
    out + &word(rest)
}
