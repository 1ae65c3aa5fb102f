//! A sidecar and a simulator on one stage, with a policy handed over as a value.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sidegate_policy::{Caller, Dialect, Provider, Snapshot};
use sidegate_proxy::armed::{Armed, Keys};
use sidegate_proxy::clock::Clock;
use sidegate_proxy::config::CallBounds;
use sidegate_proxy::dispatch::connect::Network;
use sidegate_proxy::dispatch::pool::Pools;
use sidegate_proxy::listen;
use sidegate_proxy::secret::Secret;
use sidegate_proxy::sidecar::{Parts, Sidecar};
use sidegate_telemetry::{AuditQueue, Format, Metrics};
use sidegate_testkit::sim::{Entry, Fault, Key, Match, Rule, SimConfig, Simulator};
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::audit;
use crate::client::Answer;
use crate::memory::{Memory, PIPE, Pipe};
use crate::policy;

/// Milliseconds that a call gets to settle.
const PATIENCE: u32 = 5_000;

/// A sidecar, a simulator, and what runs them.
pub struct Stage {
    /// The sidecar.
    pub sidecar: Arc<Sidecar>,
    /// The provider.
    pub sim: Simulator,
    /// The road between them, in memory.
    pub memory: Memory,
    pools: Arc<Pools>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// Bounds and chance of a stage.
pub struct Setting {
    /// What bounds calls.
    pub bounds: CallBounds,
    /// Chance.
    pub seed: u64,
    /// Over real sockets to the provider, instead of in memory.
    pub network: bool,
    /// Whom the sidecar speaks for.
    pub caller: Caller,
    /// The simulator.
    pub sim: SimConfig,
    /// Audit lines on their way; whoever looks takes them.
    pub audit: Arc<AuditQueue>,
    /// Spans are kept for somebody to send.
    pub traced: bool,
}

impl Default for Setting {
    fn default() -> Self {
        let keys = ["a", "b", "c", "d"].map(|n| Key::new(n, format!("sim-key-{n}")));
        Self {
            bounds: CallBounds::default(),
            seed: 7,
            network: false,
            caller: Caller { namespace: "shop".into(), service_account: "web".into(), ..Caller::default() },
            traced: false,
            sim: SimConfig { keys: keys.to_vec(), ..SimConfig::default() },
            audit: Arc::new(AuditQueue::new(Format::Json, 64 << 20)),
        }
    }
}

impl Stage {
    /// One `OpenAI` provider with one credential.
    #[must_use]
    pub fn simple() -> Self {
        Self::with(policy::snapshot(vec![policy::provider("openai", Dialect::OpenAi, 1)]))
    }

    /// Under that policy.
    #[must_use]
    pub fn with(snapshot: Snapshot) -> Self {
        Self::set(Setting::default(), snapshot)
    }

    /// Under that policy, set like that.
    ///
    /// # Panics
    /// When the policy cannot be armed.
    #[must_use]
    pub fn set(setting: Setting, snapshot: Snapshot) -> Self {
        let stage = Self::bare(setting);
        stage.arm(snapshot);
        stage
    }

    /// Without any policy, as a sidecar that waits for its control plane.
    #[must_use]
    pub fn bare(setting: Setting) -> Self {
        let sim = Simulator::new(setting.sim);
        let memory = Memory::to(sim.clone());
        let pools = if setting.network {
            Pools::new(Arc::new(Network::default()))
        } else {
            Pools::new(Arc::new(memory.clone()))
        };
        let sidecar = Sidecar::new(Parts {
            metrics: Arc::new(Metrics::new(&setting.caller)),
            caller: Arc::new(setting.caller),
            clock: Clock::starting_at(jiff::Timestamp::UNIX_EPOCH),
            seed: setting.seed,
            bounds: setting.bounds,
            pools: pools.clone(),
            audit: setting.audit,
            spans: setting.traced.then(Arc::default),
        });
        Self { sidecar, sim, memory, pools, tasks: JoinSet::new(), stop: watch::channel(false).0 }
    }

    /// Under that policy with all of its providers at one simulator, everything over real sockets: the stage and
    /// its call port.
    pub async fn on_sockets(mut snapshot: Snapshot) -> (Self, SocketAddr) {
        let mut stage = Self::set(Setting { network: true, ..Setting::default() }, Snapshot::default());
        let sim = stage.listen_sim().await;
        for provider in &mut snapshot.providers {
            provider.endpoint.host = sim.ip().to_string().into();
            provider.endpoint.port = sim.port();
        }
        stage.arm(snapshot);
        let calls = stage.listen().await;
        (stage, calls)
    }

    /// Puts a policy in force, with every key that its providers name.
    ///
    /// # Panics
    /// When it cannot be armed.
    pub fn arm(&self, snapshot: Snapshot) {
        let keys = snapshot.providers.iter().flat_map(keys_of).collect();
        self.arm_with(snapshot, &keys);
    }

    /// Puts a policy in force, with these keys.
    ///
    /// # Panics
    /// When it cannot be armed.
    pub fn arm_with(&self, snapshot: Snapshot, keys: &Keys) {
        let armed = Armed::new(snapshot, keys, &self.pools);
        let armed = armed.unwrap_or_else(|e| panic!("the test's policy cannot be armed: {e}"));
        self.sidecar.book().reconcile(&armed.snapshot.limits, self.sidecar.clock.now());
        self.sidecar.metrics.policy(&armed.snapshot, self.sidecar.clock.wall());
        self.sidecar.armed.store(Some(Arc::new(armed)));
    }

    /// A connection to the sidecar in memory.
    ///
    /// # Panics
    /// Never: a pipe always opens.
    pub async fn connect(&mut self) -> http1::SendRequest<Full<Bytes>> {
        let (near, far) = duplex(PIPE);
        self.serve(far);
        let (sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap_or_else(|e| panic!("{e}"));
        self.tasks.spawn(async move { drop(connection.await) });
        sender
    }

    /// Serves the other end of a pipe, whatever is written into it.
    pub fn serve(&mut self, io: DuplexStream) {
        let pipe = Pipe::new(io);
        self.tasks.spawn(listen::serve(self.sidecar.clone(), pipe, self.stop.subscribe()));
    }

    /// A connection to the sidecar in memory, whose client can leave at any moment.
    ///
    /// # Panics
    /// Never: a pipe always opens.
    pub async fn client(&mut self) -> Client {
        let (near, far) = duplex(PIPE);
        self.serve(far);
        let (sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap_or_else(|e| panic!("{e}"));
        let task = self.tasks.spawn(async move { drop(connection.await) });
        Client { sender, task }
    }

    /// One call over a connection of its own; its answer's head.
    ///
    /// # Panics
    /// When the sidecar gives no answer at all.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let mut connection = self.connect().await;
        connection.send_request(request).await.unwrap_or_else(|e| panic!("no answer: {e}"))
    }

    /// One call over a connection of its own, to the end of its answer.
    pub async fn call(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.send(request).await;
        Answer::read(response).await
    }

    /// The same, asked of the simulator without the sidecar.
    ///
    /// # Panics
    /// When the simulator gives no answer at all.
    pub async fn call_sim(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let (near, far) = duplex(PIPE);
        self.tasks.spawn(self.sim.serve_connection(far));
        let (mut sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap_or_else(|e| panic!("{e}"));
        self.tasks.spawn(async move { drop(connection.await) });
        let response = sender.send_request(request).await.unwrap_or_else(|e| panic!("no answer: {e}"));
        Answer::read(response).await
    }

    /// Serves the call port over a real socket.
    ///
    /// # Panics
    /// When the host has no free port.
    pub async fn listen(&mut self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap_or_else(|e| panic!("{e}"));
        let address = listener.local_addr().unwrap_or_else(|e| panic!("{e}"));
        self.tasks.spawn(listen::accept(self.sidecar.clone(), listener, self.stop.subscribe()));
        address
    }

    /// Tells the sidecar to go: nothing new is taken, and what runs may end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Serves the simulator over a real socket, for a stage set with `network`.
    ///
    /// # Panics
    /// When the host has no free port.
    pub async fn listen_sim(&mut self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap_or_else(|e| panic!("{e}"));
        let address = listener.local_addr().unwrap_or_else(|e| panic!("{e}"));
        let sim = self.sim.clone();
        self.tasks.spawn(async move { sim.serve(listener).await });
        address
    }

    /// The audit lines since the last look, as JSON.
    ///
    /// # Panics
    /// When one is not as its schema says.
    #[must_use]
    pub fn audit(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        self.sidecar.audit.drain(&mut lines);
        audit::lines(&String::from_utf8_lossy(&lines))
    }

    /// Uses the retry budget up: for the next ten seconds a failure is told, or moved, at once.
    pub fn spend_repeats(&self) {
        while self.sidecar.retries.take(self.sidecar.clock.now()) {}
    }

    /// Waits until no call is open.
    ///
    /// # Panics
    /// When one stays open.
    pub async fn settled(&self) {
        for _ in 0..PATIENCE {
            if self.sidecar.open_calls() == 0 {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
        panic!("{} calls stay open", self.sidecar.open_calls());
    }

    /// The one audit line since the last look, once no call is open.
    ///
    /// # Panics
    /// When there is another number of lines.
    pub async fn line(&self) -> Value {
        self.settled().await;
        let mut lines = self.audit();
        assert_eq!(lines.len(), 1, "one line a call: {lines:?}");
        lines.remove(0)
    }

    /// Which requests the simulator saw, as `provider/key status`; 0 where no status was answered.
    #[must_use]
    pub fn trail(&self) -> Vec<String> {
        let bill = self.sim.bill().entries();
        let told = |e: &Entry| {
            let host = e.header("host").unwrap_or_default();
            let name = host.split_once('.').map_or(host, |(name, _)| name);
            format!("{name}/{} {}", e.key.as_deref().unwrap_or("-"), e.status)
        };
        bill.iter().map(told).collect()
    }

    /// Something goes wrong with the provider at `NAME.test`, `times` times.
    pub fn fail(&self, name: &str, times: u64, fault: Fault) {
        let matching = Match { host: Some(format!("{name}.test")), ..Match::default() };
        self.sim.add_faults(vec![Rule::times(times, fault).matching(matching)]);
    }

    /// The value of a counter or gauge, its labels as they stand in the exposition; 0 if it is not there.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        self.sidecar.metrics.encode(&mut text);
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

/// A client's end of a connection.
pub struct Client {
    sender: http1::SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

impl Client {
    /// Sends a request; its answer's head, or the error in its place.
    ///
    /// # Errors
    /// When the sidecar closes the connection without an answer.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.sender.send_request(request).await
    }

    /// Closes the connection, whatever is under way on it.
    pub fn leave(self) {
        self.task.abort();
    }
}

/// `sim-key-NAME` for each credential.
fn keys_of(provider: &Provider) -> HashMap<(String, String), Secret> {
    let key = |name: &str| Secret::new(format!("sim-key-{name}").as_bytes());
    let named = |name: &Arc<str>| ((provider.key.to_string(), name.to_string()), key(name));
    provider.credentials.iter().map(|c| named(&c.name)).collect()
}
