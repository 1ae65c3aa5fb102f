//! One watch: a list, then every change, for ever.
//!
//! Written on the client's plain list and watch, not on its ready-made watcher, because what is needed here is hidden
//! there: bookmarks (a watch without objects and without bookmarks is dead, and nothing else tells), lists one at a
//! time, and a 410 at the opening of a watch.

mod list;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::kube::Api;
use ::kube::api::{WatchEvent, WatchParams};
use futures_util::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::backoff::Backoff;
use super::known::{Change, Known};
use super::objects::Seen;
use super::trouble::Trouble;
use crate::control::{Control, WatchName};

/// The longest that a server is asked to keep a watch open, and the shortest; between them by chance, so that not all
/// are opened again at once.
const WATCH: std::ops::Range<f64> = 240.0..290.0;
/// Without an object or a bookmark for so long, a watch is dead. A server sends a bookmark about every minute.
const SILENCE: Duration = Duration::from_secs(300);
/// To the head of an answer.
const OPEN: Duration = Duration::from_secs(30);
/// A watch that lasted so long has done well.
const WELL: Duration = Duration::from_secs(10);
/// Troubles after which one object by name is not waited for any more.
const HOPELESS: u32 = 5;

/// The kind that names Secrets and ConfigMaps.
pub(super) const PROVIDERS: &str = "AIProvider";

/// What a server says, one after the other.
type Events<K> = Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<K>>> + Send>>;

/// What the watches of one cluster share.
pub(super) struct Shared {
    pub(super) control: Arc<Control>,
    /// One list at a time: together they are what an API server feels most.
    pub(super) lists: Semaphore,
    /// Told when providers may have changed, and with them what they name.
    pub(super) providers: Notify,
    /// The server can send a list as a stream; supposed until it says no.
    pub(super) streams: AtomicBool,
}

/// Which objects of a kind.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// All.
    All,
    /// Those with these labels.
    Labelled(&'static str),
    /// The one of this name. It is never listed: a role that allows to get and watch one name is enough.
    Named(Arc<str>),
}

/// One watch.
pub(super) struct Watch<K> {
    pub(super) name: WatchName,
    pub(super) api: Api<K>,
    pub(super) which: Which,
    /// What is taken of an object.
    pub(super) read: fn(K) -> Seen,
    pub(super) shared: Arc<Shared>,
    pub(super) known: Known,
    /// Where to go on; none before the first list, and when it cannot be gone on from.
    pub(super) place: Option<String>,
    /// Troubles so far.
    pub(super) failures: u32,
}

impl<K: DeserializeOwned + Clone + std::fmt::Debug + Send + 'static> Watch<K> {
    /// Watches until it is dropped.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let trouble = match self.follow().await {
                // The server ends a watch in time, and it is opened again; at once only if it lasted.
                Ok(()) if began.elapsed() >= WELL => {
                    backoff.reset();
                    continue;
                }
                Ok(()) => Trouble::Lost("the watch ended as soon as it was open".to_owned()),
                Err(trouble) => trouble,
            };
            if began.elapsed() >= WELL && !matches!(trouble, Trouble::Older(_)) {
                backoff.reset();
            }
            self.note(&trouble);
            let streamed = matches!(trouble, Trouble::Refused(_)) && self.place.is_none();
            if streamed && self.shared.streams.swap(false, Ordering::Relaxed) {
                // Not again, and no fault: the pages are asked for at once.
                continue;
            }
            if trouble.wants_list() {
                self.place = None;
            }
            sleep(backoff.wait(trouble.asked(), self.shared.control.draw(0.0..1.0))).await;
        }
    }

    /// Lists if need be, and follows one watch to its end.
    async fn follow(&mut self) -> Result<(), Trouble> {
        let mut events = match self.place.clone() {
            Some(place) => self.open(&place, false).await?,
            None => self.list().await?,
        };
        // An open watch is an answer, although there may be nothing to tell for minutes.
        self.tell(Vec::new());
        loop {
            let event = timeout(SILENCE, events.next()).await.map_err(|_| Trouble::Silent(SILENCE))?;
            match event {
                None => return Ok(()),
                Some(event) => self.hear(event.map_err(|e| Trouble::of(&e))?)?,
            }
        }
    }

    /// Opens a watch from `place`; `initial`: with all that is there as its first events.
    async fn open(&self, place: &str, initial: bool) -> Result<Events<K>, Trouble> {
        let parameters = WatchParams {
            label_selector: match self.which {
                Which::Labelled(labels) => Some(labels.to_owned()),
                Which::All | Which::Named(_) => None,
            },
            field_selector: match &self.which {
                Which::Named(name) => Some(format!("metadata.name={name}")),
                Which::All | Which::Labelled(_) => None,
            },
            timeout: Some(self.shared.control.draw(WATCH) as u32),
            bookmarks: true,
            send_initial_events: initial,
        };
        let opened = timeout(OPEN, self.api.watch(&parameters, place)).await;
        let events = opened.map_err(|_| Trouble::Silent(OPEN))?.map_err(|e| Trouble::of(&e))?;
        Ok(Box::pin(events))
    }

    fn hear(&mut self, event: WatchEvent<K>) -> Result<(), Trouble> {
        let change = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let seen = (self.read)(object);
                self.at(&seen);
                self.known.applied(seen)
            }
            WatchEvent::Deleted(object) => {
                let seen = (self.read)(object);
                self.at(&seen);
                self.known.deleted(&seen)
            }
            WatchEvent::Bookmark(bookmark) => {
                self.known.passed(&bookmark.metadata.resource_version);
                self.place = Some(bookmark.metadata.resource_version);
                None
            }
            WatchEvent::Error(status) => return Err(Trouble::of_status(&status)),
        };
        self.tell(change.into_iter().collect());
        Ok(())
    }

    fn at(&mut self, seen: &Seen) {
        if let Some(version) = &seen.metadata.resource_version {
            self.place = Some(version.clone());
        }
    }

    /// All of it in one step, so that nobody sees the half of it.
    fn tell(&self, changes: Vec<Change>) {
        let control = &self.shared.control;
        if !changes.is_empty() {
            control.update(|index| changes.into_iter().for_each(|change| change.apply_to(index)));
        }
        if self.name.kind == PROVIDERS {
            self.shared.providers.notify_one();
        }
        control.watches.heard(&self.name, self.known.count(), self.known.undecodable());
    }

    fn note(&mut self, trouble: &Trouble) {
        let kind = self.name.kind;
        let news = self.shared.control.watches.failed(&self.name, trouble.word());
        match trouble {
            Trouble::Gone | Trouble::Refused(_) => tracing::info!("watch of {kind}: {trouble}"),
            // An outage is told once, not at each attempt.
            _ if news => tracing::warn!("watch of {kind}: {trouble}; what is known stays"),
            _ => tracing::debug!("watch of {kind}: {trouble}; what is known stays"),
        }
        self.failures = self.failures.saturating_add(1);
        // One Secret that cannot be had holds nobody up; a kind that cannot be listed does, because without its
        // objects a policy would allow too much.
        let hopeless = matches!(trouble, Trouble::Denied(_)) || self.failures >= HOPELESS;
        if hopeless && matches!(self.which, Which::Named(_)) {
            self.shared.control.watches.answered(&self.name);
        }
    }
}
