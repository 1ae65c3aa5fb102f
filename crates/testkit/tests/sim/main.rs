//! What the simulator answers, breaks and charges, over in-memory connections
//! and paused time.

mod openai;
mod talk;
