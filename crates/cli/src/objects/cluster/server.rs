//! The API server as the one who asks may see it: lists in pages, objects by name, errors as sentences.

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Error, Resource};
use serde::de::DeserializeOwned;

use crate::failure::{FORBIDDEN, Failure, UNAVAILABLE, USAGE};
use crate::objects::Notes;
use crate::who::Cluster;

/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Objects of one page.
const PAGE: u32 = 500;
/// Pages of one list, so that it has an end.
const MOST_PAGES: usize = 100;

/// An API server.
pub struct Server(Client);

impl Server {
    /// Finds the API server as kubectl does, and the namespace of its context. Nothing is asked yet.
    ///
    /// # Errors
    /// When there is no configuration that can be used.
    pub async fn connect(cluster: &Cluster) -> Result<(Self, String), Failure> {
        let mut config = configured(cluster.context.as_deref(), cluster.kubeconfig.as_deref()).await?;
        config.read_timeout = Some(ANSWER);
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| Failure::new(USAGE, told(&error)))?;
        Ok((Self(client), namespace))
    }

    /// An object of a namespace.
    ///
    /// # Errors
    /// When it is not there, may not be read, or cannot be understood.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Result<K, Failure>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::namespaced(self.0.clone(), namespace);
        api.get(name).await.map_err(|error| failure(&error, &format!("{}/{namespace}/{name}", K::kind(&()))))
    }

    /// An object of the cluster.
    ///
    /// # Errors
    /// When it is not there, may not be read, or cannot be understood.
    pub async fn get_cluster<K>(&self, name: &str) -> Result<K, Failure>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::all(self.0.clone());
        api.get(name).await.map_err(|error| failure(&error, &format!("{}/{name}", K::kind(&()))))
    }

    /// Every object of a kind in a namespace. One that cannot be understood is left out, with a note.
    ///
    /// # Errors
    /// When they may not be listed, or the kind is not known there.
    pub async fn list<K>(&self, namespace: &str, notes: &mut Notes) -> Result<Vec<K>, Failure>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let kind = K::kind(&()).into_owned();
        let api = Api::<DynamicObject>::namespaced_with(self.0.clone(), namespace, &ApiResource::erase::<K>(&()));
        let (mut objects, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
        for _ in 0..MOST_PAGES {
            let list = api.list(&page).await.map_err(|error| match missing(&error) {
                true => {
                    Failure::new(UNAVAILABLE, format!("the API server knows no {kind}: apply Sidegate's CRDs first"))
                }
                false => failure(&error, &format!("{kind}s in namespace {namespace}")),
            })?;
            for object in list.items {
                let name = object.metadata.name.clone().unwrap_or_default();
                match object.try_parse::<K>() {
                    Ok(object) => objects.push(object),
                    Err(error) => notes.say(format!("{kind}/{namespace}/{name} is not in this answer: {error}")),
                }
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(objects),
            }
        }
        notes.say(format!("only the first {} {kind}s of namespace {namespace} are in this answer", objects.len()));
        Ok(objects)
    }
}

/// The configuration that kubectl would use.
///
/// # Errors
/// When there is none that can be used.
pub async fn configured(context: Option<&str>, kubeconfig: Option<&Path>) -> Result<Config, Failure> {
    let usage = |error: &dyn std::error::Error| {
        Failure::new(USAGE, format!("there is no cluster to ask: {}; name a kubeconfig, or files with -f", told(error)))
    };
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    match kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|e| usage(&e))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|e| usage(&e))
        }
        None if context.is_some() => Config::from_kubeconfig(&options).await.map_err(|e| usage(&e)),
        None => Config::infer().await.map_err(|e| usage(&e)),
    }
}

fn missing(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.is_not_found())
}

fn failure(error: &Error, what: &str) -> Failure {
    match error {
        Error::Api(status) if status.is_forbidden() => Failure::new(FORBIDDEN, format!("you may not read {what}")),
        Error::Api(status) if status.is_not_found() => {
            Failure { missing: true, ..Failure::new(UNAVAILABLE, format!("there is no {what}")) }
        }
        Error::Api(status) if status.code == 401 => {
            Failure::new(FORBIDDEN, "the API server does not know you: the kubeconfig's credentials are not accepted")
        }
        Error::Api(status) => Failure::new(UNAVAILABLE, format!("{what}: {}", status.message)),
        other => Failure::new(UNAVAILABLE, format!("cannot ask the API server for {what}: {}", told(other))),
    }
}

/// An error with what caused it, each once.
fn told(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
