//! The audit trail of real calls: as its schema says, and the same money as everybody else's.

mod equality;
mod outcome;
mod schema;
