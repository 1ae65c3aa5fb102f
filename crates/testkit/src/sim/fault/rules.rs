//! The rules in force, and which of them a request meets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::dialect::{Dialect, Operation};
use super::{Fault, Match, Rule};

/// Most rules in force at once.
const MAX_RULES: usize = 1024;

/// What a request is matched by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub dialect: Dialect,
    pub operation: Operation,
    pub model: &'a str,
    pub key: Option<&'a str>,
    pub path: &'a str,
    pub host: &'a str,
    pub stream: bool,
}

impl Match {
    fn covers(&self, facts: &Facts<'_>) -> bool {
        fn same<T: PartialEq>(wanted: Option<T>, seen: T) -> bool {
            wanted.is_none_or(|wanted| wanted == seen)
        }
        same(self.provider, facts.dialect)
            && same(self.operation, facts.operation)
            && same(self.model.as_deref(), facts.model)
            && self.key.as_deref().is_none_or(|key| Some(key) == facts.key)
            && self.path.as_deref().is_none_or(|path| facts.path.starts_with(path))
            && same(self.host.as_deref(), facts.host)
            && same(self.stream, facts.stream)
    }
}

/// The rules in force, in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Mutex<Vec<Rule>>,
    /// Whether there may be any: the way past the lock under load.
    any: AtomicBool,
}

impl Rules {
    /// Adds rules; false if there is no room for them.
    pub(crate) fn add(&self, more: Vec<Rule>) -> bool {
        let mut rules = self.lock();
        if rules.len() + more.len() > MAX_RULES {
            return false;
        }
        rules.extend(more);
        self.any.store(!rules.is_empty(), Ordering::Release);
        true
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
        self.any.store(false, Ordering::Release);
    }

    pub(crate) fn all(&self) -> Vec<Rule> {
        self.lock().clone()
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The faults of the first rule that covers the request, which counts it.
    pub(crate) fn meet(&self, facts: &Facts<'_>) -> Vec<Fault> {
        if !self.any() {
            return Vec::new();
        }
        let mut rules = self.lock();
        for rule in rules.iter_mut().filter(|rule| rule.matching.covers(facts)) {
            if rule.skip > 0 {
                rule.skip -= 1;
                return Vec::new();
            }
            match &mut rule.count {
                Some(0) => continue,
                Some(left) => *left -= 1,
                None => {}
            }
            return rule.faults.clone();
        }
        Vec::new()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
