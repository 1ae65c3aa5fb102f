//! The control plane: from objects to what every sidecar enforces.
//!
//! Objects come from a [`source`], meet in the pure [`index`], and leave as bytes on the streams of [`serve`].
//! [`Controller`] puts these together, for the binary and for whoever embeds it. There is no Kubernetes client here
//! yet, no ledger, and nothing of the calls themselves.

pub mod config;
mod control;
mod controller;
mod health;
pub mod index;
pub mod prices;
mod problem;
pub mod secret;
pub mod serve;
pub mod source;

pub use control::{Contents, Control, Refusal, Seated, Tally};
pub use controller::{Clock, Controller, Listeners, Options, StartError};
pub use index::{
    ClassId, Conflict, CredentialStanding, Effective, Encoded, Index, KeyState, Owned, OwnerKind, OwnerRef, PodFacts,
    Standing,
};
pub use problem::{Kind, ObjectName, Place, Problem, Severity};
pub use serve::{Link, Peer};
