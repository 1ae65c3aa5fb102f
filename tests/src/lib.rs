//! Harness shared by the tests over whole programs: a sidecar, a simulator and their clients on one stage.
//!
//! Two ways to stand on it: in memory, where time is paused and nothing sleeps, and over real sockets, where
//! the kernel's own behaviour is what is tested. Policy is handed over as a value here; tests of the control
//! stream bring a controller of their own.

pub mod client;
pub mod memory;
pub mod policy;
pub mod stage;

pub use client::Answer;
pub use stage::Stage;
