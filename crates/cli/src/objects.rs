//! The objects that an answer is computed from, in the control plane's own index: whatever it would make of them is
//! what is answered. They come from files, or from an API server with the rights of whoever asks.
//!
//! Keys are never read. What is missing from an answer, and what is assumed in it, is said in its notes.

mod cluster;
mod files;
mod notes;
mod stand_ins;
mod workload;

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use jiff::tz::TimeZone;
use sidegate_controller::Index;
use sidegate_controller::prices::PriceBook;
use sidegate_crds::AIProviderSpec;
use sidegate_policy::Caller;
use sidegate_proxy::clock::Clock;

use crate::failure::{Failure, UNAVAILABLE, USAGE};
use crate::who;

pub use cluster::configured;
pub use files::read;
pub use notes::Notes;
pub use stand_ins::{AUTHORITY, stand_in_secrets};

/// Providers as they are written, by namespace and name.
pub type Specs = BTreeMap<(String, String), AIProviderSpec>;

/// Everything that an answer is computed from.
pub struct Gathered {
    /// The objects.
    pub index: Index,
    /// Who calls.
    pub caller: Caller,
    /// The providers as they are written.
    pub specs: Specs,
    /// What is missing from the answer, and what is assumed in it.
    pub notes: Notes,
}

/// The objects and the caller that the command line names.
///
/// # Errors
/// When the files or the API server cannot be read.
pub fn gather(who: &who::Asking) -> Result<Gathered, Failure> {
    match &who.subject {
        Some(subject) => cluster::gather(subject, &who.cluster),
        None => files::gather(who),
    }
}

/// An empty index with the prices of today.
///
/// # Errors
/// When the namespace is none, or the machine has no randomness.
pub fn empty_index(control_namespace: &str) -> Result<Index, Failure> {
    sidegate_crds::formats::label(control_namespace).map_err(|why| {
        Failure::new(USAGE, format!("--control-namespace {control_namespace:?} is no namespace: it {why}"))
    })?;
    let mut salt = [0; 32];
    rand::fill(&mut salt).map_err(|_| Failure::new(UNAVAILABLE, "the system gives no random numbers"))?;
    let today = Clock::system().wall().to_zoned(TimeZone::UTC).date();
    let prices = PriceBook::of(today).map_err(|error| Failure::new(UNAVAILABLE, error))?;
    Ok(Index::new(control_namespace, prices, salt))
}
