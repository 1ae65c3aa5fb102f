//! One write: a status, and the events that tell of it. Looks at the term before each request.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::Status;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Error, Resource};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::announce::Announcement;
use super::patch;
use super::shown::{Shown, api, resource};
use crate::lease::Term;
use crate::problem::ObjectName;

/// Under this name every status is written.
pub const FIELD_MANAGER: &str = "sidegate-controller";
/// One request gets this long, and the term ends earlier than the lease by more than that.
const REQUEST: Duration = Duration::from_secs(5);

/// How a write ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// This stands there now.
    Written(Shown),
    /// The object is another version by now: its news come by the watch.
    Outdated,
    /// The object is gone.
    Gone,
    /// The term ended first: nothing was sent.
    NotAllowed,
    /// The API server refused this one status.
    Refused(String),
    /// The API server takes no write now, or none of ours.
    Unavailable(String),
}

/// One write.
pub(super) struct Letter {
    pub(super) name: ObjectName,
    pub(super) shown: Shown,
    pub(super) status: Value,
    pub(super) events: Vec<Announcement>,
}

/// Where letters go, and by which right.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) client: Client,
    pub(super) terms: watch::Receiver<Option<Term>>,
    /// The term in which all of this is worked out.
    pub(super) term: i32,
    pub(super) identity: Arc<str>,
    /// The Lease in which this replica tells what its sidecars say while it does not write.
    pub(super) share: String,
}

impl Post {
    /// Writes the status, then publishes its events.
    pub(super) async fn send(self, letter: Letter) -> (ObjectName, Ended) {
        let ended = match self.write(&letter).await {
            Ok(shown) => {
                self.publish(&letter).await;
                Ended::Written(shown)
            }
            Err(ended) => ended,
        };
        (letter.name, ended)
    }

    async fn write(&self, letter: &Letter) -> Result<Shown, Ended> {
        let mut shown = letter.shown.clone();
        let written = match self.apply(letter, &shown).await {
            // Lists that others filled may leave no room for ours.
            Err(Ended::Refused(why)) => {
                let now: Value = serde_json::from_str(&shown.status).unwrap_or_default();
                let Some(taken_out) = self.take_out(letter, &shown.version, &now).await? else {
                    return Err(Ended::Refused(why));
                };
                shown = of(&taken_out);
                self.apply(letter, &shown).await?
            }
            other => other?,
        };
        let now = written.data.get("status").cloned().unwrap_or_default();
        let version = written.metadata.resource_version.clone().unwrap_or_default();
        Ok(of(&self.take_out(letter, &version, &now).await?.unwrap_or(written)))
    }

    async fn apply(&self, letter: &Letter, shown: &Shown) -> Result<DynamicObject, Ended> {
        let body = Patch::Apply(patch::apply(&letter.name, shown, &letter.status));
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let api = api(&self.client, &letter.name);
        self.ask(api.patch_status(&letter.name.name, &params, &body)).await
    }

    /// Takes out what others added to the status, if they did.
    async fn take_out(&self, letter: &Letter, version: &str, now: &Value) -> Result<Option<DynamicObject>, Ended> {
        let Some(operations) = patch::without_foreign(now, version, &letter.status) else { return Ok(None) };
        let path = DynamicObject::url_path(&resource(letter.name.kind), Some(&letter.name.namespace));
        let uri = format!("{path}/{}/status?fieldManager={FIELD_MANAGER}", letter.name.name);
        let request = http::Request::patch(uri)
            .header(CONTENT_TYPE, "application/json-patch+json")
            .body(operations.to_string().into_bytes())
            .map_err(|error| Ended::Refused(error.to_string()))?;
        match self.ask(self.client.request::<DynamicObject>(request)).await {
            Ok(object) => Ok(Some(object)),
            // The version that the places were counted in is not there any more.
            Err(Ended::Refused(_)) => Err(Ended::Outdated),
            Err(ended) => Err(ended),
        }
    }

    async fn ask<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Ended> {
        if !self.allowed() {
            return Err(Ended::NotAllowed);
        }
        match timeout(REQUEST, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Error::Api(status))) => Err(refused(&status)),
            Ok(Err(error)) => Err(Ended::Unavailable(error.to_string())),
            Err(_) => Err(Ended::Unavailable("no answer in time".to_owned())),
        }
    }

    /// Events tell of what is written already; one that cannot be published is not tried again.
    async fn publish(&self, letter: &Letter) {
        let of = resource(letter.name.kind);
        let regarding = ObjectReference {
            api_version: Some(of.api_version),
            kind: Some(of.kind),
            namespace: Some(letter.name.namespace.to_string()),
            name: Some(letter.name.name.to_string()),
            uid: Some(letter.shown.uid.to_string()),
            ..ObjectReference::default()
        };
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(self.identity.to_string()) };
        for announcement in &letter.events {
            let event = Event {
                type_: if announcement.warning { EventType::Warning } else { EventType::Normal },
                reason: announcement.reason.to_owned(),
                action: announcement.action.to_owned(),
                note: Some(announcement.note.clone()),
                secondary: None,
            };
            // One that remembers would count a second event up and keep the first one's words.
            let recorder = Recorder::new(self.client.clone(), reporter.clone());
            match self.ask(recorder.publish(&event, &regarding)).await {
                Ok(()) => {}
                Err(ended) => tracing::debug!("cannot publish an event of {}: {ended:?}", letter.name),
            }
        }
    }

    fn allowed(&self) -> bool {
        self.terms.borrow().is_some_and(|term| term.number == self.term && term.allows(Instant::now()))
    }
}

fn of(object: &DynamicObject) -> Shown {
    Shown::new(&object.metadata, object.data.get("status"))
}

fn refused(status: &Status) -> Ended {
    let words = status.message.clone();
    match status.code {
        404 => Ended::Gone,
        409 => Ended::Outdated,
        400 | 413 | 422 => Ended::Refused(words),
        _ => Ended::Unavailable(words),
    }
}
