//! What happened to objects, from the index to whoever tells it in the audit trail.
//!
//! Bounded, because in a cluster nobody takes it on a replica that does not tell: there the oldest goes unheard, and on
//! the one that tells it is counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use sidegate_telemetry::AuditQueue;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lock;
use crate::index::Change;
use crate::otlp::ChangeSpans;

/// Changes that are kept until they are told.
const MOST: usize = 4_096;

/// Changes on their way.
#[derive(Default)]
pub struct Changes {
    ring: Mutex<VecDeque<(Instant, Change)>>,
    news: watch::Sender<()>,
    /// This replica tells.
    telling: AtomicBool,
    lost: AtomicU64,
    /// Where they are told, if anywhere.
    audit: OnceLock<Arc<AuditQueue>>,
    /// What tells them as spans, if anything does.
    spans: OnceLock<Arc<ChangeSpans>>,
}

impl Changes {
    /// They are told there from now on; only the first one counts.
    pub(crate) fn tell_to(&self, audit: Arc<AuditQueue>) {
        // A second one would part the trail.
        let _ = self.audit.set(audit);
    }

    /// Where they are told, if anywhere.
    pub(crate) fn audit(&self) -> Option<Arc<AuditQueue>> {
        self.audit.get().cloned()
    }

    /// They are told as spans by these from now on; only the first ones count.
    pub(crate) fn trace_by(&self, spans: ChangeSpans) {
        // Two would tell each change twice.
        let _ = self.spans.set(Arc::new(spans));
    }

    /// What tells them as spans, if anything does.
    pub(crate) fn spans(&self) -> Option<Arc<ChangeSpans>> {
        self.spans.get().cloned()
    }

    /// Says whether this replica tells.
    pub(crate) fn set_telling(&self, telling: bool) {
        self.telling.store(telling, Ordering::Relaxed);
    }

    /// Something happened, now.
    pub(crate) fn note(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let now = Instant::now();
        {
            let mut ring = lock(&self.ring);
            for change in changes {
                if ring.len() == MOST {
                    ring.pop_front();
                    self.lost.fetch_add(u64::from(self.telling.load(Ordering::Relaxed)), Ordering::Relaxed);
                }
                ring.push_back((now, change));
            }
        }
        self.news.send_replace(());
    }

    /// Everything that waits, oldest first, with its moment.
    pub(crate) fn take(&self) -> VecDeque<(Instant, Change)> {
        std::mem::take(&mut lock(&self.ring))
    }

    /// Tells when something has happened.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Changes and lines that nobody will read.
    pub(crate) fn dropped(&self) -> u64 {
        let lines = self.audit.get().map_or(0, |audit| audit.dropped());
        self.lost.load(Ordering::Relaxed) + lines
    }
}
