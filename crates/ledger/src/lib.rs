//! Quota as pure state machines without IO.
//!
//! The sidecar's half: token buckets and the hold that a call takes from them. There is no clock, no lock
//! and no chance here: time since the start of the process is handed in, and whoever owns a [`Book`] decides
//! how it is shared. A [`Hold`] is a value without a second copy, and [`Book::settle`] consumes it, so that
//! each hold reaches exactly one end.

mod book;
mod bucket;
mod hold;
mod room;

pub use book::{Book, Shortfall};
pub use hold::{Hold, Outcome, Tokens};
pub use room::{Headroom, Room};
