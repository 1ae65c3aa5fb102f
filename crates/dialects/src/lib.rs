//! The languages of the providers: bytes to vocabulary and back.
//!
//! What is read here is read in passing: the bytes of a request and of an answer stay the bytes that came,
//! and only the fields that somebody acts on are looked at. Nothing here does IO, knows the time or decides.
//!
//! - [`recognize`]: which call a path, a head and a body are
//! - [`splice`]: the same body with another model, or with usage asked for
//! - [`meter`]: what an answer says about itself while it passes
//! - [`verdict`]: what an answer means for the next attempt
//! - [`refuse`]: a refusal or a fault in the caller's own dialect
//! - [`models`]: the models list of a dialect
//! - [`tools`]: names and ids of tools, for whoever asks
//! - [`content`]: prompts and answers for traces, where policy captures them
//! - [`headers`]: which headers pass

pub mod content;
pub mod headers;
pub mod meter;
pub mod models;
mod quote;
pub mod recognize;
pub mod refuse;
mod scan;
pub mod splice;
mod text;
pub mod tools;
pub mod verdict;
