//! A control plane from files and a sidecar's link to it, over a [`Cable`], as the programs put them together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use sidegate_controller::serve::{serve_on, serve_people_on};
use sidegate_controller::{Controller, Link as Connection, Options, Peer, Seated};
use sidegate_proxy::control::Link;
use sidegate_proxy::control::apply::Applier;
use sidegate_proxy::control::status::Status;
use sidegate_proxy::control::store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::cable::Cable;
use crate::objects::Folder;
use crate::stage::Stage;

/// The wall clock of a test's first moment, in seconds: 21 November 2026.
pub const DAY: i64 = 1_795_219_200;

/// A control plane that reads a directory and serves a cable.
pub struct Plane {
    /// Itself.
    pub controller: Controller,
    /// Where people ask about running sidecars.
    pub people: Cable,
    cable: Cable,
    tasks: JoinSet<()>,
}

impl Plane {
    /// Starts one that takes every peer for one on loopback.
    #[must_use]
    pub fn start(objects: &Folder, cable: &Cable) -> Self {
        Self::with(objects.path(), cable, Peer::in_process(), DAY)
    }

    /// Starts one at `now`, in seconds, that takes every peer for `peer`.
    ///
    /// # Panics
    /// When there is nothing to read.
    #[must_use]
    pub fn with(objects: &Path, cable: &Cable, peer: Peer, now: i64) -> Self {
        let began = Instant::now();
        let clock = move || {
            let start = Timestamp::from_second(now).unwrap_or(Timestamp::UNIX_EPOCH);
            start.checked_add(began.elapsed()).unwrap_or(Timestamp::MAX)
        };
        let namespace = "sidegate-system".to_owned();
        let options = Options { from_files: objects.to_owned(), namespace, clock: Arc::new(clock) };
        let controller = Controller::load(&options).unwrap_or_else(|e| panic!("{e}"));
        let people = Cable::default();
        let links = |of: &Cable| {
            let peer = peer.clone();
            of.incoming().map(move |io| Connection::new(io, peer.clone()))
        };
        let sidecars = serve_on(controller.control(), links(cable));
        let asking = serve_people_on(controller.control(), links(&people));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { sidecars.await.unwrap_or_else(|e| panic!("{e}")) });
        tasks.spawn(async move { asking.await.unwrap_or_else(|e| panic!("{e}")) });
        tasks.spawn(controller.clone().watch());
        Self { controller, people, cable: cable.clone(), tasks }
    }

    /// It dies: nothing of it is left, and every connection ends.
    pub fn die(mut self) {
        self.tasks.abort_all();
        self.cable.pull();
        self.people.pull();
    }

    /// It is told to end, and does.
    pub async fn end(mut self) {
        self.controller.shutdown();
        while self.tasks.join_next().await.is_some() {}
    }

    /// The one sidecar that is connected.
    #[must_use]
    pub fn sidecar(&self) -> Option<Seated> {
        let mut seated = self.controller.sidecars();
        assert!(seated.len() <= 1, "{seated:?}");
        seated.pop()
    }
}

/// A sidecar's link, which keeps itself up until it is dropped.
pub struct Linked {
    /// How it stands.
    pub status: Arc<Status>,
    /// Whether a policy of an earlier run was found.
    pub restored: bool,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Linked {
    /// Links the sidecar of `stage` over `cable`; what it keeps is in `state`.
    ///
    /// # Panics
    /// When nothing can be written there.
    #[must_use]
    pub fn over(stage: &Stage, cable: &Cable, state: &Folder) -> Self {
        let status = Arc::new(Status::new(stage.sidecar.clock));
        let mut applier = Applier::new(Store::open(state.path()).unwrap_or_else(|e| panic!("{e}")));
        let restored = applier.restore(&stage.sidecar);
        if restored {
            status.restored(&applier.has().policy);
        }
        let (sidecar, channel) = (stage.sidecar.clone(), cable.channel());
        let link = Link { sidecar, channel, applier, status: status.clone(), token: None };
        let ((stop, stopped), mut tasks) = (watch::channel(false), JoinSet::new());
        tasks.spawn(link.run(stopped));
        Self { status, restored, tasks, stop }
    }

    /// It is told to end, as its sidecar is, and does.
    pub async fn end(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }

    /// Whether its stream is open.
    #[must_use]
    pub fn is_up(&self) -> bool {
        String::from_utf8_lossy(&self.status.to_json()).contains("\"connected\":true")
    }
}

/// The version of the policy in force; empty if there is none.
#[must_use]
pub fn in_force(stage: &Stage) -> String {
    stage.sidecar.armed.load().as_ref().map_or_else(String::new, |armed| armed.snapshot.version.to_string())
}

/// Waits until `holds`; how long it took.
///
/// # Panics
/// When it does not within `limit`.
pub async fn within(limit: Duration, what: &str, holds: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() <= limit, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}
