//! What travels between a sidecar and the control plane, and the only conversions between it and the vocabulary.
//!
//! [`v1`] is generated from `proto/`; nothing outside this crate reads or writes its snapshot messages. A
//! conversion that may fail says which field was wrong in an [`InvalidSnapshot`]. There is no IO here: streams,
//! versions (a snapshot's is the digest of its bytes) and keys are their owners' business.

mod caller;
mod invalid;
mod lists;
mod origin;
mod prices;
mod provider;
mod routes;
mod snapshot;
mod telemetry;

pub use caller::{decode_caller, encode_caller};
pub use invalid::{InvalidSnapshot, Wrong};
pub use snapshot::{FEATURES, MAX_SNAPSHOT_BYTES, decode_snapshot, encode_snapshot};

/// Watches of running calls at once: as many as a control plane lets people have, a sidecar has to take, or the last
/// ones would see nothing.
pub const MOST_WATCHES: usize = 16;

/// The generated messages, client and server of `sidegate.v1`.
pub mod v1 {
    #![expect(
        missing_docs,
        clippy::all,
        clippy::too_many_lines,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated; the words are in the .proto files"
    )]
    tonic::include_proto!("sidegate.v1");
}
