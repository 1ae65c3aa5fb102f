//! The Secrets and ConfigMaps that accepted providers name, each watched by its name and no other object of its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::kube::{Api, Client};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use tokio::task::JoinSet;

use super::known::Known;
use super::objects;
use super::watch::{Shared, Watch, Which};
use crate::control::WatchName;
use crate::index::Name;
use crate::problem::{Kind, ObjectName};

/// Objects that are watched by name; each is a connection's stream.
const MOST: usize = 2_000;
const SECRET: &str = "Secret";
const CONFIG_MAP: &str = "ConfigMap";

/// The watches by name that run now.
pub(super) struct Named {
    client: Client,
    shared: Arc<Shared>,
    running: BTreeMap<WatchName, JoinSet<()>>,
}

impl Named {
    pub(super) fn new(client: Client, shared: Arc<Shared>) -> Self {
        Self { client, shared, running: BTreeMap::new() }
    }

    /// Starts what is wanted and does not run, ends what runs and is not wanted.
    pub(super) async fn follow_wanted(&mut self) {
        let mut wanted = BTreeSet::new();
        self.shared.control.read(|index| {
            let (secrets, config_maps) = index.wanted();
            wanted.extend(secrets.into_iter().map(|name| watch_name(SECRET, name)));
            wanted.extend(config_maps.into_iter().map(|name| watch_name(CONFIG_MAP, name)));
        });
        if wanted.len() > MOST {
            tracing::error!("providers name {} Secrets and ConfigMaps; only {MOST} are watched", wanted.len());
        }
        let wanted: BTreeSet<WatchName> = wanted.into_iter().take(MOST).collect();
        let unwanted: Vec<WatchName> = self.running.keys().filter(|name| !wanted.contains(name)).cloned().collect();
        for name in unwanted {
            self.end(&name).await;
        }
        for name in wanted {
            if !self.running.contains_key(&name) {
                self.begin(name);
            }
        }
    }

    fn begin(&mut self, name: WatchName) {
        let Some((namespace, object)) = name.object.clone() else { return };
        self.shared.control.watches.begin(&name);
        let mut task = JoinSet::new();
        let (client, which, shared) = (self.client.clone(), Which::Named(object), self.shared.clone());
        let (known, place, failures) = (Known::default(), None, 0);
        if name.kind == SECRET {
            let api: Api<Secret> = Api::namespaced(client, &namespace);
            let (name, read) = (name.clone(), objects::secret as fn(_) -> _);
            task.spawn(Watch { name, api, which, read, shared, known, place, failures }.run());
        } else {
            let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
            let (name, read) = (name.clone(), objects::config_map as fn(_) -> _);
            task.spawn(Watch { name, api, which, read, shared, known, place, failures }.run());
        }
        self.running.insert(name, task);
    }

    /// Waits for the end of the watch, so that it cannot bring back what is deleted here.
    async fn end(&mut self, name: &WatchName) {
        if let Some(mut task) = self.running.remove(name) {
            task.shutdown().await;
        }
        self.shared.control.watches.end(name);
        let kind = if name.kind == SECRET { Kind::Secret } else { Kind::ConfigMap };
        if let Some((namespace, object)) = &name.object {
            let gone = ObjectName::new(kind, namespace.clone(), object.clone());
            self.shared.control.update(|index| index.forget(&gone));
        }
    }
}

fn watch_name(kind: &'static str, object: Name) -> WatchName {
    WatchName { kind, object: Some(object) }
}
