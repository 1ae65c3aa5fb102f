//! What the control plane says of the objects of a real API server, and that it says it once.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod paused;
mod replicas;
mod sidecar;
mod stage;
mod told;
mod troubled;
