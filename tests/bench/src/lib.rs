//! What the benchmark's two programs share: the floor (the least a proxy can be) and the load
//! generator. `run.py` beside this crate drives them and writes the figures down.
//!
//! Not here: anything of the product. The floor and the generator are what the product is held
//! against, so they use none of its crates.

pub mod flags;
pub mod load;
