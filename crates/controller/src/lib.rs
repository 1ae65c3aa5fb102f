//! The control plane: from objects to what every sidecar enforces.

pub mod index;
pub mod prices;
mod problem;
pub mod secret;

pub use index::{Effective, Encoded, Index};
pub use problem::{Kind, ObjectName, Place, Problem, Severity};
