//! Objects from a cluster: every AIProvider and AIPolicy, the labels of namespaces, the pods that carry a sidecar and
//! what leads from them to their workloads, and of Secrets and ConfigMaps only those that accepted providers name.
//!
//! Each kind is watched on its own, so that trouble with one leaves the others alone; what is known of a kind in
//! trouble stays as it was. Nothing is written here but the first epoch.

mod backoff;
mod connect;
mod epoch;
mod known;
mod named;
mod objects;
mod trouble;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ::kube::api::{ApiResource, DynamicObject};
use ::kube::core::PartialObjectMeta;
use ::kube::{Api, Client};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use sidegate_crds::{AIPolicy, AIProvider};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::control::{Control, WatchName};
use known::Known;
use named::Named;
use trouble::Trouble;
use watch::{PROVIDERS, Shared, Watch, Which};

pub use connect::{NoCluster, connect};

/// The label of pods that carry a sidecar.
const SIDECARS: &str = "sidegate.dev/injected=true";
/// Between looks whether everything has been answered, until it has.
const LOOK: Duration = Duration::from_millis(20);
/// For one question about the epoch.
const ASK: Duration = Duration::from_secs(10);

/// A cluster as a source of objects.
#[derive(Clone)]
pub struct Cluster {
    /// The way to its API server.
    pub client: Client,
    /// The control plane's namespace, where the epoch is.
    pub namespace: String,
}

impl Cluster {
    /// Keeps the index as the cluster is, until the control plane closes; says when it was whole for the first time.
    pub async fn follow(self, control: Arc<Control>) {
        let mut closing = control.closing();
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            () = self.watch(control) => {}
        }
    }

    async fn watch(self, control: Arc<Control>) {
        let shared = Arc::new(Shared {
            control: control.clone(),
            lists: Semaphore::new(1),
            providers: Notify::new(),
            streams: AtomicBool::new(true),
        });
        let mut watches = JoinSet::new();
        self.begin(&shared, &mut watches);
        control.set_epoch(self.epoch(&control).await);
        while !control.watches.all_answered() {
            sleep(LOOK).await;
        }
        let mut named = Named::new(self.client.clone(), shared.clone());
        named.follow_wanted().await;
        while !control.watches.all_answered() {
            sleep(LOOK).await;
        }
        tracing::info!("every object of the cluster is known");
        control.set_ready();
        loop {
            shared.providers.notified().await;
            named.follow_wanted().await;
        }
    }

    /// The watches of whole kinds.
    fn begin(&self, shared: &Arc<Shared>, tasks: &mut JoinSet<()>) {
        let all = |resource: &ApiResource| Api::<DynamicObject>::all_with(self.client.clone(), resource);
        let providers = all(&ApiResource::erase::<AIProvider>(&()));
        let policies = all(&ApiResource::erase::<AIPolicy>(&()));
        let pods = Api::all_with(self.client.clone(), &ApiResource::erase::<Pod>(&()));
        let namespaces: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let replica_sets: Api<PartialObjectMeta<ReplicaSet>> = Api::all(self.client.clone());
        let jobs: Api<PartialObjectMeta<Job>> = Api::all(self.client.clone());
        tasks.spawn(whole(shared, PROVIDERS, Which::All, providers, objects::provider).run());
        tasks.spawn(whole(shared, "AIPolicy", Which::All, policies, objects::policy).run());
        tasks.spawn(whole(shared, "Namespace", Which::All, namespaces, objects::namespace).run());
        tasks.spawn(whole(shared, "Pod", Which::Labelled(SIDECARS), pods, objects::pod).run());
        tasks.spawn(whole(shared, "ReplicaSet", Which::All, replica_sets, objects::replica_set).run());
        tasks.spawn(whole(shared, "Job", Which::All, jobs, objects::job).run());
    }

    /// Asks until there is an answer: without an epoch no policy may be sent.
    async fn epoch(&self, control: &Control) -> u64 {
        let mut backoff = backoff::Backoff::default();
        loop {
            let asked = timeout(ASK, epoch::read(&self.client, &self.namespace)).await;
            let trouble = match asked.unwrap_or(Err(Trouble::Silent(ASK))) {
                Ok(epoch) => return epoch,
                Err(trouble) => trouble,
            };
            tracing::error!("no epoch yet: {trouble}");
            sleep(backoff.wait(trouble.asked(), control.draw(0.0..1.0))).await;
        }
    }
}

/// What an error of the client means, in words that quote nothing.
pub(crate) fn told(error: &::kube::Error) -> String {
    Trouble::of(error).to_string()
}

fn whole<K>(
    shared: &Arc<Shared>,
    kind: &'static str,
    which: Which,
    api: Api<K>,
    read: fn(K) -> objects::Seen,
) -> Watch<K> {
    let name = WatchName { kind, object: None };
    shared.control.watches.begin(&name);
    Watch { name, api, which, read, shared: shared.clone(), known: Known::default(), place: None, failures: 0 }
}
