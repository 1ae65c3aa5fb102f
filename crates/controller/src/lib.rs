//! The control plane: from objects to what every sidecar enforces.
//!
//! Objects come from a [`source`], meet in the pure [`index`], and leave as bytes on the streams of [`serve`].
//! [`Controller`] puts these together, for the binary and for whoever embeds it. There is no ledger here yet,
//! and nothing of the calls themselves.

mod audit;
pub mod config;
mod control;
mod controller;
mod health;
mod identity;
pub mod index;
pub mod lease;
mod live;
mod metrics;
pub mod otlp;
pub mod prices;
mod problem;
pub mod secret;
pub mod serve;
pub mod source;
pub mod status;

pub use control::{Contents, Control, KindReport, Refusal, RejectedKey, Seated, Tally, WatchName, Watches};
pub use controller::{Clock, ClusterOptions, Controller, Listeners, Options, StartError};
pub use identity::Reviewer;
pub use index::{
    Change, ClassId, Conflict, CredentialStanding, Effective, Encoded, Index, KeyState, Overruled, Owned, OwnerKind,
    OwnerRef, PodFacts, Standing,
};
pub use problem::{Kind, ObjectName, Place, Problem, Severity};
pub use serve::{Link, Peer};
