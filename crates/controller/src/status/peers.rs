//! What the sidecars of other replicas say: every replica serves streams, and one writes statuses.
//!
//! A replica that does not write keeps a Lease of its own beside the one that decides who does: renewed every ten
//! seconds, with the counts of its sidecars by object and generation in an annotation; the one that writes adds the
//! counts of those that were renewed lately. (A Lease and no ConfigMap: for those there is no right to a list.)
//! Nothing in it decides a call, and nothing of a single pod is in it but the words of one that refused.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Client, Error, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::acks::Roll;
use super::send::FIELD_MANAGER;
use super::shown::News;
use crate::control::Control;
use crate::controller::Clock;
use crate::lease::Term;

/// The label of such Leases, and their annotation.
const ACKS: &str = "sidegate.dev/acks";
/// Between two writes of one.
const BETWEEN: Duration = Duration::from_secs(1);
/// A replica that lives renews its own this often.
const BEAT: Duration = Duration::from_secs(10);
/// One that was not renewed for this long counts no more.
const SILENT: Duration = Duration::from_secs(30);
/// And is deleted when it was not renewed between two looks that are this far apart.
const SWEEP: Duration = Duration::from_secs(300);
/// One request gets this long.
const REQUEST: Duration = Duration::from_secs(5);
/// Bytes of counts, below the 256 KiB of all annotations: some ten thousand objects. What does not fit is not counted,
/// which errs to the safe side.
const LARGEST: usize = 240_000;

type Terms = watch::Receiver<Option<Term>>;

/// This replica's Lease.
pub(super) struct Share {
    leases: Api<Lease>,
    name: String,
    terms: Terms,
    clock: Clock,
    /// It is there, as far as is known.
    there: bool,
    swept: Instant,
    /// The Leases of the last sweep, with their versions.
    seen: BTreeMap<String, String>,
}

/// The Lease of the replica that lives `life`.
pub(super) fn name_of(life: &str) -> String {
    format!("sidegate-acks-{life}")
}

impl Share {
    pub(super) fn new(client: &Client, namespace: &str, (name, clock): (String, Clock), terms: Terms) -> Self {
        let leases = Api::namespaced(client.clone(), namespace);
        Self { leases, name, terms, clock, there: false, swept: Instant::now(), seen: BTreeMap::new() }
    }

    /// Tells the counts of `control`'s sidecars until `over`, whenever another replica writes.
    pub(super) async fn keep(mut self, control: &Control, over: impl Future<Output = ()>) {
        let mut over = std::pin::pin!(over);
        let mut changes = control.roster.changes();
        let mut terms = self.terms.clone();
        loop {
            tokio::select! {
                () = &mut over => break,
                Ok(()) = changes.changed() => {}
                Ok(()) = terms.changed() => {}
                () = sleep(BEAT) => {}
            }
            if let Err(error) = self.turn(control).await {
                tracing::warn!("cannot share what sidecars say: {}", crate::source::kube::told(&error));
            }
            tokio::select! {
                () = &mut over => break,
                () = sleep(BETWEEN) => {}
            }
        }
        if self.there {
            // The next one to write notices its silence otherwise.
            let _ = timeout(BETWEEN / 2, self.withdraw()).await;
        }
    }

    async fn turn(&mut self, control: &Control) -> Result<(), Error> {
        if self.terms.borrow().is_some_and(|term| term.allows(Instant::now())) {
            if self.there {
                self.withdraw().await?;
            }
            if self.swept.elapsed() >= SWEEP {
                self.sweep().await?;
            }
            return Ok(());
        }
        let roll = Roll::of(&control.roster.seated()).for_others(|name| control.standing(name));
        if roll.is_empty() && !self.there {
            return Ok(());
        }
        let metadata =
            json!({"name": self.name, "labels": {ACKS: "true"}, "annotations": {ACKS: roll.to_text(LARGEST)}});
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {"leaseDurationSeconds": SILENT.as_secs(), "renewTime": MicroTime((self.clock)())},
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        within(self.leases.patch(&self.name, &params, &Patch::Apply(&lease))).await?;
        self.there = true;
        Ok(())
    }

    async fn withdraw(&mut self) -> Result<(), Error> {
        let gone = within(self.leases.delete(&self.name, &DeleteParams::default())).await;
        self.there = false;
        match gone {
            Err(Error::Api(status)) if status.is_not_found() => Ok(()),
            gone => gone.map(|_| ()),
        }
    }

    /// Deletes what replicas left that ended without a word.
    async fn sweep(&mut self) -> Result<(), Error> {
        let listed = within(self.leases.list(&ListParams::default().labels(ACKS))).await?;
        let now: BTreeMap<String, String> =
            listed.iter().map(|lease| (lease.name_any(), lease.resource_version().unwrap_or_default())).collect();
        for (name, version) in now.iter().filter(|(name, version)| self.seen.get(*name) == Some(version)) {
            let preconditions = Preconditions { resource_version: Some(version.clone()), uid: None };
            let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
            // One that has come back to life meanwhile stays, and is none of ours.
            let _ = within(self.leases.delete(name, &params)).await;
        }
        (self.seen, self.swept) = (now, Instant::now());
        Ok(())
    }
}

/// What other replicas tell, as the one that writes knows it.
pub(super) struct Peers {
    own: String,
    known: BTreeMap<String, (Roll, Instant)>,
}

impl Peers {
    pub(super) fn new(own: String) -> Self {
        Self { own, known: BTreeMap::new() }
    }

    /// Takes what a replica told `now`; `None`: it is gone.
    pub(super) fn hear(&mut self, name: String, told: Option<Roll>, now: Instant) {
        match told {
            Some(roll) if name != self.own => drop(self.known.insert(name, (roll, now))),
            _ => drop(self.known.remove(&name)),
        }
    }

    /// Adds the counts of those that are not silent; when the next one will be.
    pub(super) fn add_to(&mut self, roll: &mut Roll, now: Instant) -> Option<Instant> {
        self.known.retain(|_, (_, heard)| now < *heard + SILENT);
        for (other, _) in self.known.values() {
            roll.add_all(other);
        }
        self.known.values().map(|(_, heard)| *heard + SILENT).min()
    }
}

/// News of other replicas, without end.
pub(super) fn watch_peers(client: &Client, namespace: &str) -> impl Stream<Item = News> + Send + use<> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let told = |lease: &Lease| {
        let text = lease.annotations().get(ACKS).map_or("", String::as_str);
        News::Peer(lease.name_any(), Some(Roll::from_text(text)))
    };
    watcher::watcher(leases, watcher::Config::default().labels(ACKS)).default_backoff().filter_map(move |event| {
        let news = match event {
            Ok(Event::Apply(lease) | Event::InitApply(lease)) => Some(told(&lease)),
            Ok(Event::Delete(lease)) => Some(News::Peer(lease.name_any(), None)),
            Ok(Event::Init | Event::InitDone) => None,
            Err(error) => {
                tracing::warn!("cannot watch what other replicas say: {error}");
                None
            }
        };
        std::future::ready(news)
    })
}

async fn within<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::Service("no answer in time".into());
    timeout(REQUEST, request).await.map_err(late)?
}
