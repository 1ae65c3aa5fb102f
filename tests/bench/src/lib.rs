//! What the benchmark's three programs are made of: the load generator, the origin that answers
//! it, and the flags of both and of the floor (the least a proxy can be). `run.py` beside this
//! crate drives them and writes the figures down.
//!
//! Not here: anything of the product. Floor, generator and origin are what the product is held
//! against, so they use none of its crates.

pub mod flags;
pub mod load;
pub mod origin;
mod socket;
