//! How many people ask at once, and how much each of them.
//!
//! Who they are is found out at the door, where so many wait and none for long, so that those who are nobody take no place
//! from those who are somebody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::Status;

/// Those of whom it is not known yet who they are. More than a few, because they wait in turn for the API server: a
/// crowd of nobodies makes somebody wait, and keeps nobody out that it does not fill.
const MOST_AT_THE_DOOR: usize = 256;
/// People who ask at once.
const MOST: usize = 64;
/// Questions of one kind of one person at once.
const MOST_EACH: usize = 4;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Tap,
    Top,
    Trace,
}

impl Verb {
    /// As the command is called.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Top => "top",
            Self::Trace => "trace",
        }
    }
}

/// Everybody who asks.
pub(super) struct Crowd {
    door: Semaphore,
    inside: Mutex<BTreeMap<Asked, usize>>,
}

/// By whom, and what.
type Asked = (Arc<str>, Verb);

/// A place among them, given up when dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    asked: Asked,
}

impl Crowd {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { door: Semaphore::new(MOST_AT_THE_DOOR), inside: Mutex::default() })
    }

    /// A place at the door, until it is known who this is.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` when too many wait there.
    pub(super) fn knock(&self) -> Result<SemaphorePermit<'_>, Status> {
        self.door.try_acquire().map_err(|_| Status::resource_exhausted("too many people ask at once; try again"))
    }

    /// A place inside for `user`, whose name is empty where nobody asks for names.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` when too many are there, or this one too often.
    pub(super) fn enter(self: &Arc<Self>, user: Arc<str>, verb: Verb) -> Result<Place, Status> {
        let mut inside = self.inside();
        if inside.values().sum::<usize>() >= MOST {
            return Err(Status::resource_exhausted("too many people ask already; try again later"));
        }
        let asked = (user, verb);
        let own = inside.entry(asked.clone()).or_default();
        if !asked.0.is_empty() && *own >= MOST_EACH {
            let why = format!("{MOST_EACH} of {:?} run {} already: end one of them", asked.0, verb.as_str());
            return Err(Status::resource_exhausted(why));
        }
        *own += 1;
        drop(inside);
        Ok(Place { crowd: self.clone(), asked })
    }

    fn inside(&self) -> MutexGuard<'_, BTreeMap<Asked, usize>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whose it is.
    pub(super) fn user(&self) -> &str {
        &self.asked.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside();
        if let Some(own) = inside.get_mut(&self.asked) {
            *own -= 1;
            if *own == 0 {
                inside.remove(&self.asked);
            }
        }
    }
}
