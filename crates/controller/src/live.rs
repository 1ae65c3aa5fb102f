//! What people ask of running sidecars: calls as they end, what calls took of late, the record of one call.
//!
//! People ask over [`service`]; sidecars are asked, and answer, over their control streams. In between stand
//! [`taps`], [`questions`] and [`top`], each bounded: a person who stops reading, or a sidecar that says too much, costs
//! others nothing. A replica knows the sidecars of its own streams alone, and says of how many pods they are.

mod crowd;
mod questions;
mod service;
mod taps;
mod tellers;
#[cfg(test)]
mod tests;
mod top;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sidegate_wire::v1;

use crate::control::Control;

pub(crate) use crowd::Verb;
pub(crate) use questions::Questions;
pub(crate) use service::{LARGEST_REQUEST, People};
pub(crate) use taps::{RENEW, Shown, Taps};
pub(crate) use top::Top;

/// Which sidecars are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of a namespace.
    Namespace(Arc<str>),
    /// All of them.
    All,
}

impl fmt::Display for Scope {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(own) => write!(to, "namespace {own}"),
            Self::All => to.write_str("all namespaces"),
        }
    }
}

impl Scope {
    /// Whether sidecars of `namespace` are asked about.
    pub(crate) fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Namespace(own) => **own == *namespace,
            Self::All => true,
        }
    }

    /// The namespace, if it is one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Namespace(own) => Some(own),
            Self::All => None,
        }
    }
}

/// All that is asked now, and what is known of late.
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) taps: Taps,
    pub(crate) questions: Questions,
    pub(crate) top: Top,
    numbers: AtomicU64,
}

impl Live {
    /// A number that nothing else that is asked has. They rise, so that a stream knows what it has asked already.
    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Control {
    /// Of how many sidecars, and of how many pods, an answer speaks.
    pub(crate) fn coverage(&self, scope: &Scope) -> v1::Coverage {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let pods = self.reviewer.as_ref().map(|_| count(self.read(|index| index.pods_of(scope.namespace()))));
        v1::Coverage { sidecars: count(self.roster.count_in(scope)), pods }
    }
}
