//! What the simulator answers, breaks and charges, over in-memory connections
//! and paused time.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up has failed")]

mod admin;
mod anthropic;
mod bill;
mod faults;
mod gemini;
mod openai;
mod responses;
mod sockets;
mod talk;
