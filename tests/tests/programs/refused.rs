//! Starts that cannot succeed: one sentence that says what to do, exit code 64, and nothing bound.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::process::Command;

use sidegate_tests::objects::Folder;

use crate::SOON;
use crate::dev::flags;
use crate::ports::{free, is_free};
use crate::process::{Program, command};
use crate::{ended, quickstart};

/// What the program says when it refuses to start.
async fn refusal(name: &str, command: Command) -> String {
    let mut program = Program::spawn(name, command);
    let code = ended(&mut program, SOON).await;
    let (said, told) = program.whole();
    assert_eq!((code, &*said), (Some(64), ""), "{told}");
    told
}

/// What it says, which has to be one sentence with all of these parts.
async fn sentence(name: &str, command: Command, parts: &[&str]) {
    let told = refusal(name, command).await;
    assert_eq!(told.lines().count(), 1, "one sentence: {told}");
    assert!(parts.iter().all(|part| told.contains(part)), "{told} lacks one of {parts:?}");
}

/// The sidecar's flags with nothing wrong.
fn sidecar(state: &Folder, [calls, health]: [SocketAddr; 2], more: &[&str]) -> Command {
    let (calls, health, directory) = (calls.to_string(), health.to_string(), state.path().display().to_string());
    let mut flags = vec![
        "--listen",
        &calls,
        "--metrics-listen",
        &health,
        "--state-dir",
        &directory,
        "--control",
        "http://127.0.0.1:1",
    ];
    // The last of equal flags would be an error: what a test gives replaces what is here.
    for pair in more.chunks(2) {
        flags =
            flags.chunks(2).filter(|kept| kept[0] != pair[0]).flatten().copied().chain(pair.iter().copied()).collect();
    }
    command("sidegate-proxy", &flags)
}

#[tokio::test]
async fn wrong_flags() {
    let objects = quickstart("127.0.0.1:1".parse().unwrap());
    let directory = objects.path().display().to_string();
    let wrong: [(&str, &[&str], &str); 9] = [
        ("sidegate", &[], "Usage"),
        ("sidegate", &["dev"], "<DIRECTORY>"),
        ("sidegate", &["dev", &directory, "--frobnicate"], "--frobnicate"),
        ("sidegate", &["dev", &directory, "--listen", "here"], "--listen"),
        ("sidegate", &["dev", &directory, "--as-labels", "gold"], "name=value"),
        ("sidegate-proxy", &["--frobnicate"], "--frobnicate"),
        ("sidegate-proxy", &["--max-calls", "0"], "--max-calls"),
        ("sidegate-proxy", &["--max-body-bytes", "0"], "--max-body-bytes"),
        ("sidegate-controller", &[], "--from-files"),
    ];
    for (name, flags, part) in wrong {
        let told = refusal(name, command(name, flags)).await;
        assert!(told.contains(part), "{name} {flags:?}: {told}");
    }
}

#[tokio::test]
async fn addresses_that_would_not_do() {
    let (state, ports) = (Folder::new("state"), free());
    let public = sidecar(&state, ports, &["--listen", "0.0.0.0:4777"]);
    sentence("sidegate-proxy", public, &["--listen 0.0.0.0:4777", "loopback", "127.0.0.1"]).await;
    for control in ["https://control:4780", "control:4780", "unix:/run/control", "http://"] {
        let odd = sidecar(&state, ports, &["--control", control]);
        sentence("sidegate-proxy", odd, &["--control", control, "http://HOST:PORT"]).await;
    }
    assert!(ports.iter().all(|port| is_free(*port)));
}

#[tokio::test]
async fn a_port_in_use_of_sidegate_dev_each_in_turn() {
    let ports: [SocketAddr; 6] = free();
    let objects = quickstart(ports[4]);
    let flags = flags(&ports);
    let with_ipv6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), ports[0].port());
    let taken =
        ports.iter().copied().zip(flags.chunks(2).map(|f| f[0].clone())).chain([(with_ipv6, "--listen".to_owned())]);
    for (address, flag) in taken {
        let _holder = TcpListener::bind(address).unwrap();
        let temporary = Folder::new("tmp");
        let mut command = command("sidegate", &["dev"]);
        command.arg(objects.path()).args(&flags).env("TMPDIR", temporary.path());
        sentence("sidegate", command, &["cannot listen on", &address.to_string(), &flag, "another"]).await;
        let others = ports.iter().filter(|port| port.port() != address.port());
        assert!(others.into_iter().all(|port| is_free(*port)), "{address}");
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "nothing is left");
    }
}

#[tokio::test]
async fn a_port_in_use_of_the_sidecar_each_in_turn() {
    let (state, ports) = (Folder::new("state"), free());
    let with_ipv6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), ports[0].port());
    for (address, flag) in [(ports[0], "--listen"), (with_ipv6, "--listen"), (ports[1], "--metrics-listen")] {
        let _holder = TcpListener::bind(address).unwrap();
        let parts = ["cannot listen on", &address.to_string(), flag];
        sentence("sidegate-proxy", sidecar(&state, ports, &[]), &parts).await;
        assert!(ports.iter().filter(|p| p.port() != address.port()).all(|port| is_free(*port)));
    }
}

#[tokio::test]
async fn places_that_cannot_be_written() {
    let (state, ports) = (Folder::new("state"), free());
    state.write("file", "");
    let file = state.path().join("file").display().to_string();
    let below = format!("{file}/below");
    for path in [&file, &below] {
        let parts = ["cannot write to the state directory", path, "--state-dir"];
        sentence("sidegate-proxy", sidecar(&state, ports, &["--state-dir", path]), &parts).await;
    }
    let parts = ["cannot append to the audit file", &below, "--audit"];
    sentence("sidegate-proxy", sidecar(&state, ports, &["--audit", &below]), &parts).await;
    let parts = ["cannot make the admin socket", &below, "--admin-socket"];
    sentence("sidegate-proxy", sidecar(&state, ports, &["--admin-socket", &below]), &parts).await;
    // A file is not taken for a socket that was left behind.
    let parts = ["cannot make the admin socket", &file, "--admin-socket"];
    sentence("sidegate-proxy", sidecar(&state, ports, &["--admin-socket", &file]), &parts).await;
    assert!(std::fs::metadata(&file).unwrap().is_file());
    let served = state.path().join("served.sock");
    let _holder = UnixListener::bind(&served).unwrap();
    let served = served.display().to_string();
    let parts = ["cannot make the admin socket", &served, "--admin-socket"];
    sentence("sidegate-proxy", sidecar(&state, ports, &["--admin-socket", &served]), &parts).await;
    assert!(ports.iter().all(|port| is_free(*port)));

    let ports = free();
    let mut dev = command("sidegate", &["dev"]);
    dev.arg(quickstart(ports[4]).path()).args(flags(&ports)).env("TMPDIR", &file);
    sentence("sidegate", dev, &["cannot use", &file, "TMPDIR"]).await;
    assert!(ports.iter().all(|port| is_free(*port)));
}

#[tokio::test]
async fn a_directory_without_readable_yaml() {
    let folder = Folder::new("objects");
    let nowhere = folder.path().join("nowhere");
    let (empty, broken) = (Folder::new("empty"), Folder::new("broken"));
    broken.write("a.yaml", "kind: [");
    broken.write("note.txt", "kind: Secret");
    empty.write("list.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n");
    let what_to_do = "that kubectl would apply";
    let cases =
        [(&*nowhere, "cannot read the directory"), (empty.path(), "holds no object"), (broken.path(), "a.yaml:2")];
    for (directory, part) in cases {
        let ports = free();
        let shown = directory.display().to_string();
        let mut dev = command("sidegate", &["dev", &shown]);
        dev.args(flags(&ports));
        sentence("sidegate", dev, &[part, &shown, what_to_do]).await;
        assert!(ports.iter().all(|port| is_free(*port)));
        let [control, health, live, ..] = ports.map(|port| port.to_string());
        let flags = ["--from-files", &shown, "--listen", &control, "--metrics-listen", &health, "--live-listen", &live];
        sentence("sidegate-controller", command("sidegate-controller", &flags), &[part, &shown, what_to_do]).await;
    }
}

#[tokio::test]
async fn help_and_version_are_no_errors() {
    for name in ["sidegate", "sidegate-proxy", "sidegate-controller"] {
        for flag in ["--help", "--version"] {
            let mut program = Program::start(name, &[flag]);
            assert_eq!(ended(&mut program, SOON).await, Some(0), "{name} {flag}");
            let (said, told) = program.whole();
            assert!(said.contains("sidegate") && told.is_empty(), "{name} {flag}: {said}{told}");
        }
    }
}
