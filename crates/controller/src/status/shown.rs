//! What the API server shows of the objects that have a status: who they are, which version, and that status.
//!
//! Its own watch, run by the one replica that writes: the index has no use for a status, and the other replicas need
//! none. The specification is not kept, so that an object that the index cannot read still has its status told.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::Object;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Client, CustomResourceExt, Resource};
use serde::Deserialize;
use serde_json::Value;
use sidegate_crds::{AIPolicy, AIProvider};

use super::acks::Roll;
use crate::index::object_name;
use crate::problem::{Kind, ObjectName};

/// A specification that is not read.
#[derive(Debug, Clone, Deserialize)]
pub struct Unread {}

type Read = Object<Unread, Value>;

/// The kinds that have a status.
pub const KINDS: [Kind; 2] = [Kind::AiProvider, Kind::AiPolicy];

/// One object as the API server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its identity.
    pub uid: Arc<str>,
    /// Its generation.
    pub generation: i64,
    /// Its `resourceVersion`: what a write is on condition of.
    pub version: Arc<str>,
    /// Its status as JSON with sorted keys; empty if it has none.
    pub status: Arc<str>,
}

/// News of the API server.
#[derive(Debug)]
pub enum News {
    /// An object is there, or has changed.
    Object(ObjectName, Shown),
    /// An object is gone.
    Gone(ObjectName),
    /// A whole list begins: what of this kind is not named before its end is gone.
    Begins(Kind),
    /// A whole list ends.
    Ends(Kind),
    /// Another replica told what its sidecars say, or is gone.
    Peer(String, Option<Roll>),
}

impl Shown {
    /// What `metadata` and `status` show.
    #[must_use]
    pub fn new(metadata: &ObjectMeta, status: Option<&Value>) -> Self {
        Self {
            uid: metadata.uid.as_deref().unwrap_or_default().into(),
            generation: metadata.generation.unwrap_or(0),
            version: metadata.resource_version.as_deref().unwrap_or_default().into(),
            status: status.map(Value::to_string).unwrap_or_default().into(),
        }
    }
}

/// The API of one kind.
pub(super) fn resource(kind: Kind) -> ApiResource {
    if kind == Kind::AiProvider { AIProvider::api_resource() } else { AIPolicy::api_resource() }
}

/// One object's API.
pub(super) fn api(client: &Client, name: &ObjectName) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &name.namespace, &resource(name.kind))
}

/// News of both kinds, without end. Failures are logged and tried again, later and later.
pub(super) fn watch(client: &Client) -> impl Stream<Item = News> + Send + use<> {
    let [providers, policies] = KINDS.map(|kind| watch_kind(client, kind));
    futures_util::stream::select(providers, policies)
}

fn watch_kind(client: &Client, kind: Kind) -> impl Stream<Item = News> + Send + use<> {
    let all: Api<Read> = Api::all_with(client.clone(), &resource(kind));
    watcher::watcher(all, watcher::Config::default()).default_backoff().filter_map(move |event| {
        let news = match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let shown = Shown::new(&object.metadata, object.status.as_ref());
                Some(News::Object(object_name(kind, object.meta()), shown))
            }
            Ok(Event::Delete(object)) => Some(News::Gone(object_name(kind, object.meta()))),
            Ok(Event::Init) => Some(News::Begins(kind)),
            Ok(Event::InitDone) => Some(News::Ends(kind)),
            Err(error) => {
                tracing::warn!("cannot watch the statuses of {}: {error}", kind.as_str());
                None
            }
        };
        std::future::ready(news)
    })
}
