//! What the sidecars of other replicas say: every replica serves streams, and one writes statuses.
//!
//! A replica that does not write keeps a ConfigMap of its own beside the lease, with the counts of its sidecars by
//! object and generation, and touches it every ten seconds; the one that writes adds the counts of those that were
//! touched lately. It is for the control plane alone: nothing in it decides a call, and nothing of a single pod is in
//! it but the words of one that refused.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
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
use crate::lease::Term;

/// The label of such ConfigMaps.
const LABEL: &str = "sidegate.dev/acks";
/// Their key.
const KEY: &str = "acks";
/// Between two writes of one.
const BETWEEN: Duration = Duration::from_secs(1);
/// A replica that lives touches its own this often.
const BEAT: Duration = Duration::from_secs(10);
/// One that was not touched for this long counts no more.
const SILENT: Duration = Duration::from_secs(30);
/// And is deleted when it was not touched between two looks that are this far apart.
const SWEEP: Duration = Duration::from_secs(300);
/// One request gets this long.
const REQUEST: Duration = Duration::from_secs(5);
/// Bytes of counts, below what an object may have. What does not fit is not counted, which errs to the safe side.
const LARGEST: usize = 900_000;

/// This replica's ConfigMap.
pub(super) struct Share {
    maps: Api<ConfigMap>,
    name: String,
    terms: watch::Receiver<Option<Term>>,
    beat: u64,
    /// It is there, as far as is known.
    there: bool,
    swept: Instant,
    /// The ConfigMaps of the last sweep, with their versions.
    seen: BTreeMap<String, String>,
}

/// The ConfigMap of the replica that lives `life`.
pub(super) fn name_of(life: &str) -> String {
    format!("sidegate-acks-{life}")
}

impl Share {
    pub(super) fn new(client: &Client, namespace: &str, name: String, terms: watch::Receiver<Option<Term>>) -> Self {
        let maps = Api::namespaced(client.clone(), namespace);
        Self { maps, name, terms, beat: 0, there: false, swept: Instant::now(), seen: BTreeMap::new() }
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
        let roll = Roll::of(&control.roster.seated());
        if roll.is_empty() && !self.there {
            return Ok(());
        }
        self.beat += 1;
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "labels": {LABEL: "true"}},
            "data": {KEY: roll.to_text(LARGEST), "beat": self.beat.to_string()},
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        within(self.maps.patch(&self.name, &params, &Patch::Apply(&map))).await?;
        self.there = true;
        Ok(())
    }

    async fn withdraw(&mut self) -> Result<(), Error> {
        let gone = within(self.maps.delete(&self.name, &DeleteParams::default())).await;
        self.there = false;
        match gone {
            Err(Error::Api(status)) if status.is_not_found() => Ok(()),
            gone => gone.map(|_| ()),
        }
    }

    /// Deletes what replicas left that ended without a word.
    async fn sweep(&mut self) -> Result<(), Error> {
        let listed = within(self.maps.list(&ListParams::default().labels(LABEL))).await?;
        let now: BTreeMap<String, String> =
            listed.iter().map(|map| (map.name_any(), map.resource_version().unwrap_or_default())).collect();
        for (name, version) in now.iter().filter(|(name, version)| self.seen.get(*name) == Some(version)) {
            let preconditions = Preconditions { resource_version: Some(version.clone()), uid: None };
            let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
            // One that has come back to life meanwhile stays, and is none of ours.
            let _ = within(self.maps.delete(name, &params)).await;
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
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let told = |map: &ConfigMap| {
        let text = map.data.as_ref().and_then(|data| data.get(KEY)).map_or("", String::as_str);
        News::Peer(map.name_any(), Some(Roll::from_text(text)))
    };
    watcher::watcher(maps, watcher::Config::default().labels(LABEL)).default_backoff().filter_map(move |event| {
        let news = match event {
            Ok(Event::Apply(map) | Event::InitApply(map)) => Some(told(&map)),
            Ok(Event::Delete(map)) => Some(News::Peer(map.name_any(), None)),
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
