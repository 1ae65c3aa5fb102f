//! The simulator's own bill: what each request was charged, independently of
//! whatever stands in front of it.
//!
//! A request is entered when its head arrives and charged as it is generated.
//! A stream whose client went away is charged for the events that had left by
//! then; a whole body is generated before its first byte leaves, so a client
//! that goes away while it waits is charged for all of it.
//!
//! Entries are capped: the oldest are dropped and counted, the totals stay
//! exact. Key values never enter the bill.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Notify;

use super::dialect::{Dialect, Operation};
use super::reply::Usage;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still being answered.
    Open,
    /// The whole answer left.
    Complete,
    /// A fault ended it before the last byte.
    Cut,
    /// The client went away first.
    ClientGone,
    /// An error status was answered, injected or earned.
    Error,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Counts up from 1; the order of arrival.
    pub id: u64,
    /// Milliseconds from the simulator's start to the request's arrival.
    pub at_ms: u64,
    /// Whose language it speaks; none for a path nobody owns.
    pub dialect: Option<Dialect>,
    /// What it asks for.
    pub operation: Option<Operation>,
    /// `POST`, `GET`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The name of the key that it presented, when it is a configured one.
    pub key: Option<String>,
    /// The model that it names.
    pub model: String,
    /// Whether it asked for a stream.
    pub stream: bool,
    /// SHA-256 of the exact body, in hex; empty until the body has arrived.
    pub body_sha256: String,
    /// Length of the body, bytes.
    pub body_bytes: u64,
    /// The body itself, when the configuration keeps it.
    #[serde(serialize_with = "as_text")]
    pub body: Option<Bytes>,
    /// Headers in the order of arrival; a credential's value is `***`.
    pub headers: Vec<(String, String)>,
    /// Tokens of the prompt that are charged, cached ones included.
    pub prompt_tokens: u64,
    /// Of these, read from a cache.
    pub cached_tokens: u64,
    /// Of these, written to a cache.
    pub cache_write_tokens: u64,
    /// Output tokens that are charged, reasoning included.
    pub output_tokens: u64,
    /// Of these, reasoning.
    pub reasoning_tokens: u64,
    /// Body bytes handed to the transport.
    pub bytes_sent: u64,
    /// The status answered; 0 when none was.
    pub status: u16,
    /// The faults that were applied to it, by their kinds.
    pub fault: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Entry {
    /// The first value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(seen, _)| seen == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn as_text<S: serde::Serializer>(body: &Option<Bytes>, to: S) -> Result<S::Ok, S::Error> {
    body.as_ref().map(|body| String::from_utf8_lossy(body)).serialize(to)
}

/// Sums over every request that was ever entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Requests.
    pub requests: u64,
    /// Prompt tokens charged.
    pub prompt_tokens: u64,
    /// Output tokens charged.
    pub output_tokens: u64,
    /// Body bytes handed to the transport.
    pub bytes_sent: u64,
}

/// The whole bill at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// The entries that are kept, oldest first.
    pub entries: Vec<Entry>,
    /// Entries dropped for want of room.
    pub dropped: u64,
    /// Sums that no dropped entry is missing from.
    pub totals: Totals,
}

/// What was seen and charged.
#[derive(Debug)]
pub struct Bill {
    book: Mutex<Book>,
    capacity: usize,
    changed: Notify,
    started: tokio::time::Instant,
}

#[derive(Debug, Default)]
struct Book {
    entries: VecDeque<Entry>,
    last_id: u64,
    dropped: u64,
    totals: Totals,
}

impl Book {
    fn entry(&mut self, id: u64) -> Option<&mut Entry> {
        let first = self.entries.front()?.id;
        let index = usize::try_from(id.checked_sub(first)?).ok()?;
        self.entries.get_mut(index)
    }
}

impl Bill {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            book: Mutex::default(),
            capacity: capacity.max(1),
            changed: Notify::new(),
            started: tokio::time::Instant::now(),
        }
    }

    /// The entries that are kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// Entries, dropped count and totals at one moment.
    #[must_use]
    pub fn statement(&self) -> Statement {
        let book = self.lock();
        Statement { entries: book.entries.iter().cloned().collect(), dropped: book.dropped, totals: book.totals }
    }

    /// Sums over every request since the start or the last [`Bill::clear`].
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.lock().totals
    }

    /// Forgets all entries and sums. Requests still open are charged to nobody.
    pub fn clear(&self) {
        let mut book = self.lock();
        let last_id = book.last_id;
        *book = Book { last_id, ..Book::default() };
        drop(book);
        self.changed.notify_waiters();
    }

    /// Waits until the entries satisfy `wanted`, and gives them.
    pub async fn when(&self, wanted: impl Fn(&[Entry]) -> bool + Send) -> Vec<Entry> {
        loop {
            let changed = self.changed.notified();
            let entries = self.entries();
            if wanted(&entries) {
                return entries;
            }
            changed.await;
        }
    }

    /// Waits until `count` requests have been entered and none is open.
    pub async fn settled(&self, count: usize) -> Vec<Entry> {
        let ended = |entry: &Entry| entry.outcome != Outcome::Open;
        self.when(|entries| entries.len() >= count && entries.iter().all(ended)).await
    }

    pub(crate) fn open(self: &Arc<Self>, mut entry: Entry) -> Charge {
        entry.at_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut book = self.lock();
        book.last_id += 1;
        book.totals.requests += 1;
        entry.id = book.last_id;
        let id = entry.id;
        if book.entries.len() >= self.capacity {
            book.entries.pop_front();
            book.dropped += 1;
        }
        book.entries.push_back(entry);
        drop(book);
        self.changed.notify_waiters();
        Charge { book: Some((Arc::clone(self), id)), usage: Usage::default(), sent: 0, output: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open entry. Dropped before it has ended, its client went away.
#[derive(Debug)]
pub(crate) struct Charge {
    book: Option<(Arc<Bill>, u64)>,
    usage: Usage,
    sent: u64,
    output: u64,
}

impl Charge {
    /// A charge that nobody writes down.
    pub(crate) fn off() -> Self {
        Self { book: None, usage: Usage::default(), sent: 0, output: 0 }
    }

    /// Changes the entry's description.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Entry)) {
        if let Some((bill, id)) = &self.book
            && let Some(entry) = bill.lock().entry(*id)
        {
            change(entry);
        }
    }

    /// The prompt has been read: it is charged whatever comes; `generated`
    /// output tokens are, too.
    pub(crate) fn accept(&mut self, usage: Usage, generated: u64) {
        self.usage = usage;
        self.output = generated;
    }

    /// So many more bytes have left, and so many output tokens are generated.
    pub(crate) fn sent(&mut self, bytes: u64, output: u64) {
        self.sent += bytes;
        self.output = self.output.max(output);
    }

    /// Ends the entry. Only the first end counts.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        let Some((bill, id)) = self.book.take() else {
            return;
        };
        let mut book = bill.lock();
        let counted = match book.entry(id) {
            Some(entry) => {
                entry.outcome = outcome;
                entry.bytes_sent = self.sent;
                entry.prompt_tokens = self.usage.prompt;
                entry.cached_tokens = self.usage.cached;
                entry.cache_write_tokens = self.usage.cache_write;
                entry.output_tokens = self.output;
                entry.reasoning_tokens = self.usage.reasoning.min(self.output);
                true
            }
            // Dropped for want of room: still in the totals. Cleared: in nothing.
            None => book.dropped > 0,
        };
        if counted {
            book.totals.prompt_tokens += self.usage.prompt;
            book.totals.output_tokens += self.output;
            book.totals.bytes_sent += self.sent;
        }
        drop(book);
        bill.changed.notify_waiters();
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.end(Outcome::ClientGone);
    }
}
