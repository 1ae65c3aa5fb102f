//! A controller over a Kubernetes API in memory, with time paused: what the watches do in trouble that takes minutes,
//! and what happens at the very moment of a change.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what a test needs and does not get ends it"
)]

mod api;
mod lists;
mod people;
mod stage;
mod tokens;
mod trouble;
