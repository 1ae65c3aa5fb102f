//! The list that a watch begins with: as a stream where the server can, else in pages, of one object by its name.
//!
//! Whatever the way, it is kept back until it is whole. A list that breaks off half-way changes nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ::kube::api::{ListParams, WatchEvent};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{Events, Watch, Which};
use crate::source::kube::objects::Seen;
use crate::source::kube::trouble::Trouble;

/// Between two objects of a list, or to one page of it.
const PROGRESS: Duration = Duration::from_secs(60);
/// For the whole of it: others wait for their turn.
const WHOLE: Duration = Duration::from_secs(300);
/// Objects of one page.
const PAGE: u32 = 500;
/// The mark of the bookmark behind the last object of a streamed list.
const END_OF_LIST: &str = "k8s.io/initial-events-end";

/// A whole list.
struct Listed<K> {
    seen: Vec<Seen>,
    /// Of the list; empty where it has none of its own.
    version: String,
    /// Where to watch on.
    place: String,
    /// The watch that goes on from there, where it is open already.
    open: Option<Events<K>>,
}

impl<K: DeserializeOwned + Clone + std::fmt::Debug + Send + 'static> Watch<K> {
    /// Lists, and opens the watch that goes on from there.
    pub(super) async fn list(&mut self) -> Result<Events<K>, Trouble> {
        let shared = self.shared.clone();
        // The semaphore is never closed.
        let turn = shared.lists.acquire().await.map_err(|_| Trouble::Lost("closing".to_owned()))?;
        let listed = timeout(WHOLE, async {
            match self.which.clone() {
                _ if shared.streams.load(Ordering::Relaxed) => self.streamed().await,
                Which::Named(name) => self.one(&name).await,
                Which::All | Which::Labelled(_) => self.pages().await,
            }
        });
        let listed = listed.await.map_err(|_| Trouble::Silent(WHOLE))??;
        drop(turn);
        let changes = self.known.listed(listed.seen, &listed.version)?;
        self.shared.control.watches.listed(&self.name);
        self.tell(changes);
        let events = match listed.open {
            Some(events) => events,
            None => self.open(&listed.place, false).await?,
        };
        self.place = (!listed.place.is_empty()).then_some(listed.place);
        Ok(events)
    }

    /// A watch that begins with all that is there, and says when that was all.
    async fn streamed(&self) -> Result<Listed<K>, Trouble> {
        let mut events = self.open("", true).await?;
        let mut seen = Vec::new();
        loop {
            let event = timeout(PROGRESS, events.next()).await.map_err(|_| Trouble::Silent(PROGRESS))?;
            let ended = || Trouble::Lost("the list broke off".to_owned());
            match event.ok_or_else(ended)?.map_err(|e| Trouble::of(&e))? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => seen.push((self.read)(object)),
                WatchEvent::Deleted(object) => {
                    let gone = (self.read)(object).name;
                    seen.retain(|seen| seen.name != gone);
                }
                WatchEvent::Bookmark(bookmark) if bookmark.metadata.annotations.contains_key(END_OF_LIST) => {
                    let version = bookmark.metadata.resource_version;
                    return Ok(Listed { seen, place: version.clone(), version, open: Some(events) });
                }
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(status) => return Err(Trouble::of_status(&status)),
            }
        }
    }

    async fn pages(&self) -> Result<Listed<K>, Trouble> {
        let mut parameters = ListParams::default().limit(PAGE);
        if let Which::Labelled(labels) = self.which {
            parameters = parameters.labels(labels);
        }
        let mut seen = Vec::new();
        loop {
            let page = timeout(PROGRESS, self.api.list(&parameters)).await;
            let page = page.map_err(|_| Trouble::Silent(PROGRESS))?.map_err(|e| Trouble::of(&e))?;
            seen.extend(page.items.into_iter().map(self.read));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters.continue_token = Some(token),
                None => {
                    let version = page.metadata.resource_version.unwrap_or_default();
                    return Ok(Listed { seen, place: version.clone(), version, open: None });
                }
            }
        }
    }

    /// Its version is its own and says nothing of what else happened. Without it there is none to go on from: the
    /// watch then begins with what is there at that moment.
    async fn one(&self, name: &str) -> Result<Listed<K>, Trouble> {
        let got = timeout(PROGRESS, self.api.get_opt(name)).await;
        let got = got.map_err(|_| Trouble::Silent(PROGRESS))?.map_err(|e| Trouble::of(&e))?;
        let seen: Vec<Seen> = got.map(self.read).into_iter().collect();
        let place = seen.first().and_then(|seen| seen.metadata.resource_version.clone()).unwrap_or_default();
        Ok(Listed { seen, version: String::new(), place, open: None })
    }
}
