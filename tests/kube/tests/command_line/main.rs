//! `sidegate explain` and `sidegate effective` against a real API server, with the rights of whoever asks: a developer
//! who sees one namespace, one who may also read the control plane's objects, and one who may read nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test needs and does not get ends it")]

mod kubectl;
mod rights;
mod stage;
mod status;
mod who;
