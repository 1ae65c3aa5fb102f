//! Harness shared by the tests over whole programs: a sidecar, a simulator and their clients on one stage.
//!
//! Two ways to stand on it: in memory, where time is paused and nothing sleeps, and over real sockets, where
//! the kernel's own behaviour is what is tested. Policy is handed over as a value to [`Stage`]; where the way of
//! policy is what is tested, a [`plane`] reads [`objects`] and sends it over a [`cable`].

#![expect(clippy::panic, reason = "what a test needs and does not get ends it")]

pub mod audit;
pub mod cable;
pub mod canary;
pub mod client;
pub mod feigned;
pub mod memory;
pub mod objects;
pub mod plane;
pub mod policy;
pub mod raw;
pub mod stage;

pub use client::Answer;
pub use stage::Stage;
