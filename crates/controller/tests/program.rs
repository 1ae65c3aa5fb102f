//! The program as it is started and ended: flags, ports, signals, exit codes.

#![expect(clippy::expect_used, reason = "what a test needs and does not get ends it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sidegate-controller");

fn quickstart() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart")
}

/// Runs the program, which has to refuse.
fn refused(flags: &[&str]) -> String {
    let Output { status, stderr, stdout } = Command::new(PROGRAM).args(flags).output().expect("runs");
    let said = String::from_utf8(stderr).expect("text");
    assert_eq!(status.code(), Some(64), "{said}");
    assert!(stdout.is_empty());
    said
}

#[test]
fn what_is_wrong_is_said_and_the_code_is_64() {
    let directory = quickstart().display().to_string();
    assert!(refused(&[]).contains("--from-files"));
    assert!(refused(&["--from-files", &directory, "--frobnicate"]).contains("--frobnicate"));
    assert!(refused(&["--from-files", &directory, "--listen", "here"]).contains("--listen"));
    let open = refused(&["--from-files", &directory, "--live-listen", "0.0.0.0:4783"]);
    assert!(open.contains("--live-listen") && open.contains("loopback"), "{open}");
    let nowhere = refused(&[
        "--from-files",
        "/no/such",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
        "--live-listen",
        "127.0.0.1:0",
    ]);
    assert!(nowhere.contains("cannot read the directory /no/such"), "{nowhere}");
}

#[test]
fn a_port_in_use_leaves_nothing_bound() {
    let (taken, free) = (TcpListener::bind("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0"));
    let (taken, free) = (taken.expect("binds"), free.expect("binds"));
    let taken_address = taken.local_addr().expect("bound").to_string();
    let free_address = free.local_addr().expect("bound").to_string();
    drop(free);
    let directory = quickstart().display().to_string();
    let said = refused(&[
        "--from-files",
        &directory,
        "--listen",
        &free_address,
        "--metrics-listen",
        &taken_address,
        "--live-listen",
        "127.0.0.1:0",
    ]);
    assert!(said.contains(&taken_address) && said.contains("--metrics-listen"), "{said}");
    TcpListener::bind(&free_address).expect("nothing is left on the other");
}

struct Program {
    child: Child,
    health: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start() -> Program {
    let mut child = Command::new(PROGRAM)
        .arg("--from-files")
        .arg(quickstart())
        .args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--live-listen", "127.0.0.1:0"])
        .env("NO_COLOR", "1")
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let stderr = child.stderr.take().expect("piped");
    let mut lines = BufReader::new(stderr).lines();
    let line =
        lines.find(|l| l.as_ref().is_ok_and(|l| l.contains("serving sidecars"))).expect("says so").expect("reads");
    let health = line.rsplit(' ').next().expect("an address").to_owned();
    Program { child, health }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("writes");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("reads");
    text
}

#[test]
fn it_tells_its_health_in_words_and_shows_no_data() {
    let program = start();
    assert!(get(&program.health, "/livez").ends_with("alive\n"));
    let ready = get(&program.health, "/readyz");
    assert!(ready.ends_with("ready: 4 providers, 2 policies, 0 sidecars, 0 problems\n"), "{ready}");
    let metrics = get(&program.health, "/metrics");
    assert!(metrics.contains("\nsidegate_control_objects{kind=\"AIProvider\"} 4\n"), "{metrics}");
    for path in ["/", "/debug", "/config"] {
        assert!(get(&program.health, path).starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn a_signal_ends_it_within_a_second_though_someone_is_connected() {
    for signal in ["-TERM", "-INT"] {
        let mut program = start();
        let _idle = TcpStream::connect(&program.health).expect("connects");
        let told = Instant::now();
        let id = program.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("runs").success());
        let status = program.child.wait().expect("ends");
        assert!(told.elapsed() < Duration::from_secs(1), "{signal}: {:?}", told.elapsed());
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}
