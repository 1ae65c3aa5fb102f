//! The programs as people start them: processes on ports of their own, real time, every wait bounded.

#![expect(clippy::panic, clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod apart;
mod dev;
mod http;
mod leaks;
mod live;
mod otlp;
mod plane_otlp;
mod ports;
mod process;
mod refused;
mod series;
mod surfaces;
mod trail;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sidegate_testkit::sim::{Key, SimConfig, Simulator};
use sidegate_tests::objects::{Folder, OPENAI, secret};
use sidegate_tests::plane::within;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::http::get;
use crate::ports::free;
use crate::process::Program;

/// What starting may take on a busy machine.
const START: Duration = Duration::from_secs(20);
/// What anything else may take there.
const SOON: Duration = Duration::from_secs(10);

/// The quickstart's objects, with its simulator at another port.
fn quickstart(sim: SocketAddr) -> Folder {
    let (from, to) =
        (PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart"), Folder::new("quickstart"));
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        to.write(&entry.file_name().to_string_lossy(), text.replace("127.0.0.1:4790", &sim.to_string()));
    }
    to
}

/// A provider in this process, over a real socket, that wants the keys `sim-key-a` to `-d`.
struct Provider {
    sim: Simulator,
    at: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Provider {
    async fn start() -> Self {
        let keys = ["a", "b", "c", "d"].map(|n| Key::new(n, format!("sim-key-{n}")));
        Self::with(SimConfig { keys: keys.to_vec(), bill_entries: 200_000, bill_bodies: false, ..SimConfig::default() })
            .await
    }

    async fn with(config: SimConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (sim, at, mut tasks) = (Simulator::new(config), listener.local_addr().unwrap(), JoinSet::new());
        let serving = sim.clone();
        tasks.spawn(async move { serving.serve(listener).await });
        Self { sim, at, _tasks: tasks }
    }

    /// An AIProvider `openai` that leads here, with its Secret.
    fn objects(&self, key: &str) -> Folder {
        let folder = Folder::new("objects");
        folder.write("provider.yaml", OPENAI.replace("http://openai.test", &format!("http://{}", self.at)));
        folder.write("secret.yaml", secret(key));
        folder
    }
}

/// A control plane and a sidecar, each a process.
struct Apart {
    controller: Program,
    sidecar: Program,
    calls: SocketAddr,
    health: SocketAddr,
    control: SocketAddr,
    /// Where people ask about running sidecars.
    live: SocketAddr,
    control_health: SocketAddr,
    /// The sidecar's state, admin socket and audit file.
    state: Folder,
}

impl Apart {
    /// Starts both, and waits until the sidecar is ready.
    async fn start(objects: &Folder) -> Self {
        let [calls, health, control, live, control_health] = free();
        let state = Folder::new("state");
        let apart = Self {
            controller: control_plane(objects, [control, live, control_health]),
            sidecar: sidecar(&state, calls, health, control),
            calls,
            health,
            control,
            live,
            control_health,
            state,
        };
        apart.ready("ready with policy").await;
        apart
    }

    /// Waits until the sidecar says so.
    async fn ready(&self, words: &str) {
        let began = tokio::time::Instant::now();
        loop {
            let said = get(self.health, "/readyz").await;
            match said {
                Ok(answer) if answer.text().contains(words) => return,
                _ if began.elapsed() < START => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(answer) => panic!("{}{}", answer.text(), self.sidecar.told()),
                Err(error) => panic!("{error}: {}", self.sidecar.told()),
            }
        }
    }
}

fn control_plane(objects: &Folder, ports: [SocketAddr; 3]) -> Program {
    let flags = control_plane_flags(objects, ports);
    Program::start("sidegate-controller", &flags.iter().map(String::as_str).collect::<Vec<_>>())
}

fn control_plane_flags(objects: &Folder, [control, live, health]: [SocketAddr; 3]) -> Vec<String> {
    let flags = [
        ("--from-files", objects.path().display().to_string()),
        ("--listen", control.to_string()),
        ("--live-listen", live.to_string()),
        ("--metrics-listen", health.to_string()),
    ];
    flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

fn sidecar(state: &Folder, calls: SocketAddr, health: SocketAddr, control: SocketAddr) -> Program {
    let flags = sidecar_flags(state, calls, health, control);
    Program::start("sidegate-proxy", &flags.iter().map(String::as_str).collect::<Vec<_>>())
}

fn sidecar_flags(state: &Folder, calls: SocketAddr, health: SocketAddr, control: SocketAddr) -> Vec<String> {
    let place = |name: &str| state.path().join(name).display().to_string();
    let flags = [
        ("--listen", calls.to_string()),
        ("--metrics-listen", health.to_string()),
        ("--control", format!("http://{control}")),
        ("--state-dir", place("")),
        ("--admin-socket", place("admin.sock")),
        ("--audit", place("audit.jsonl")),
        ("--drain-seconds", "1".to_owned()),
        ("--as-namespace", "shop".to_owned()),
        ("--as-pod", "web-1".to_owned()),
    ];
    flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

/// Waits until a program has ended by itself; its exit code.
async fn ended(program: &mut Program, limit: Duration) -> Option<i32> {
    let code = std::cell::Cell::new(None);
    within(limit, &format!("{} ends", program.name()), || {
        code.set(program.code());
        code.get().is_some()
    })
    .await;
    code.get().flatten()
}
