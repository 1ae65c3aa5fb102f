//! How the program ends when it is told something impossible.

#![expect(clippy::expect_used, reason = "a test that cannot set itself up has failed")]
use std::net::TcpListener;
use std::process::{Command, Output};

fn run(words: &[&str]) -> (Option<i32>, String) {
    let program = Command::new(env!("CARGO_BIN_EXE_sidegate-sim")).args(words).output();
    let Output { status, stderr, .. } = program.expect("the program runs");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_wrong_flag_ends_it_with_64() {
    for words in [&["--sulk"][..], &["--key", "nameless"], &["--listen", "nowhere"], &["--tls-listen", "127.0.0.1:0"]] {
        let (code, said) = run(words);
        assert_eq!(code, Some(64), "{words:?}: {said}");
    }
}

#[test]
fn a_port_in_use_ends_it_with_64_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let (code, said) = run(&["--listen", &address]);
    assert_eq!(code, Some(64));
    assert!(said.starts_with(&format!("sidegate-sim: cannot listen on {address}")), "{said}");
}

#[test]
fn help_is_no_error() {
    assert_eq!(run(&["--help"]).0, Some(0));
}
