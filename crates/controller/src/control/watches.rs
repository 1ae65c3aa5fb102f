//! How the watches of a cluster stand, for health and metrics. From files there are none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::lock;
use crate::problem::ObjectName;

/// Objects that do not decode and are told by name; the others are only counted.
const MOST_NAMED: usize = 100;

/// One watch: a whole kind, or one object of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchName {
    /// The kind as it stands in Kubernetes.
    pub kind: &'static str,
    /// Namespace and name, where it is of one object.
    pub object: Option<(Arc<str>, Arc<str>)>,
}

/// How one watch stands.
#[derive(Debug, Clone)]
struct Standing {
    /// It has had a whole list, or a plain no, at least once.
    answered: bool,
    /// Why it is not current, if it is not.
    trouble: Option<&'static str>,
    /// When anything was heard last: an object, a bookmark, the end of a list.
    heard: Instant,
    objects: usize,
    lists: u64,
    failures: u64,
    undecodable: BTreeSet<ObjectName>,
}

/// How the watches of one kind stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindReport {
    /// The kind as it stands in Kubernetes.
    pub kind: &'static str,
    /// Why one of them is not current, if one is not; it names no object.
    pub trouble: Option<&'static str>,
    /// Since something was heard, of the one that has been silent longest.
    pub age: Duration,
    /// Objects known.
    pub objects: usize,
    /// Whole lists so far.
    pub lists: u64,
    /// Failures so far.
    pub failures: u64,
    /// Objects that do not decode.
    pub undecodable: BTreeSet<ObjectName>,
}

/// Every watch.
#[derive(Default)]
pub struct Watches {
    all: Mutex<BTreeMap<WatchName, Standing>>,
}

impl Watches {
    /// A watch begins, and has heard nothing yet.
    pub fn begin(&self, name: &WatchName) {
        let standing = Standing {
            answered: false,
            trouble: Some("not listed yet"),
            heard: Instant::now(),
            objects: 0,
            lists: 0,
            failures: 0,
            undecodable: BTreeSet::new(),
        };
        lock(&self.all).insert(name.clone(), standing);
    }

    /// A watch has ended, because nobody wants its object any more.
    pub fn end(&self, name: &WatchName) {
        lock(&self.all).remove(name);
    }

    /// A whole list came.
    pub fn listed(&self, name: &WatchName) {
        self.note(name, |standing| {
            standing.answered = true;
            standing.lists += 1;
        });
    }

    /// Something was heard, and now so many objects are known.
    pub fn heard(&self, name: &WatchName, objects: usize, undecodable: &BTreeSet<ObjectName>) {
        self.note(name, |standing| {
            standing.heard = Instant::now();
            standing.objects = objects;
            standing.trouble = None;
            if standing.undecodable != *undecodable {
                standing.undecodable.clone_from(undecodable);
            }
        });
    }

    /// Something went wrong; whether that is news, or the same as before.
    pub fn failed(&self, name: &WatchName, why: &'static str) -> bool {
        let mut news = false;
        self.note(name, |standing| {
            standing.failures += 1;
            news = standing.trouble.replace(why) != Some(why);
        });
        news
    }

    /// Nobody has to wait for it any more, whether or not it has ever been listed.
    pub fn answered(&self, name: &WatchName) {
        self.note(name, |standing| standing.answered = true);
    }

    /// Whether every watch has been answered once.
    #[must_use]
    pub fn all_answered(&self) -> bool {
        lock(&self.all).values().all(|standing| standing.answered)
    }

    /// Those that are still waited for, by kind.
    #[must_use]
    pub fn unanswered(&self) -> BTreeSet<&'static str> {
        lock(&self.all).iter().filter(|(_, standing)| !standing.answered).map(|(name, _)| name.kind).collect()
    }

    /// How each kind stands.
    #[must_use]
    pub fn report(&self) -> Vec<KindReport> {
        let mut kinds: BTreeMap<&'static str, KindReport> = BTreeMap::new();
        for (name, standing) in lock(&self.all).iter() {
            let new = || KindReport {
                kind: name.kind,
                trouble: None,
                age: Duration::ZERO,
                objects: 0,
                lists: 0,
                failures: 0,
                undecodable: BTreeSet::new(),
            };
            let kind = kinds.entry(name.kind).or_insert_with(new);
            kind.trouble = kind.trouble.or(standing.trouble);
            kind.age = kind.age.max(standing.heard.elapsed());
            kind.objects += standing.objects;
            kind.lists += standing.lists;
            kind.failures += standing.failures;
            let room = MOST_NAMED.saturating_sub(kind.undecodable.len());
            kind.undecodable.extend(standing.undecodable.iter().take(room).cloned());
        }
        kinds.into_values().collect()
    }

    fn note(&self, name: &WatchName, change: impl FnOnce(&mut Standing)) {
        if let Some(standing) = lock(&self.all).get_mut(name) {
            change(standing);
        }
    }
}
