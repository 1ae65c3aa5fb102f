//! What comes after a failed attempt, as the simulator's bill shows it: the failure table row by row.

mod breaker;
mod conversations;
mod gate;
mod keys;
mod provider_invalid;
mod quota;
mod transient;
mod unsent;
