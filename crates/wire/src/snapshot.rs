//! The snapshot as bytes, and back.
//!
//! Encoding is deterministic (there is no map in a snapshot), so equal policies have equal bytes and one digest.
//! Decoding takes nothing on trust: unknown features, unknown enum values, indices that lead nowhere and sizes
//! beyond the bound are errors. Unknown fields are ignored, as protobuf does.

use bytes::Bytes;
use prost::Message;
use sidegate_policy::Snapshot;

use crate::invalid::{InvalidSnapshot, Wrong, each};
use crate::{lists, provider, routes, telemetry, v1};

/// What this program understands of a snapshot's `requires`. The first version of the format needs none.
pub const FEATURES: &[&str] = &[];

/// Bytes that a snapshot may have.
pub const MAX_SNAPSHOT_BYTES: usize = 4 * 1024 * 1024;

/// The bytes of `snapshot`, without its version, which is their digest.
#[must_use]
pub fn encode_snapshot(snapshot: &Snapshot) -> Bytes {
    let message = v1::Snapshot {
        requires: Vec::new(),
        price_version: snapshot.price_version.to_string(),
        providers: snapshot.providers.iter().map(provider::encode).collect(),
        allow: snapshot.allow.iter().map(lists::encode_models).collect(),
        deny: snapshot.deny.iter().map(lists::encode_models).collect(),
        routes: snapshot.routes.iter().map(routes::encode).collect(),
        limits: snapshot.limits.iter().map(lists::encode_limit).collect(),
        telemetry: telemetry::encode(&snapshot.telemetry),
    };
    message.encode_to_vec().into()
}

/// The snapshot in `bytes`, which goes by `version` from now on.
///
/// # Errors
/// [`InvalidSnapshot`] naming the first field that is wrong.
pub fn decode_snapshot(version: &str, bytes: &[u8]) -> Result<Snapshot, InvalidSnapshot> {
    if bytes.len() > MAX_SNAPSHOT_BYTES {
        return Err(InvalidSnapshot::at("", Wrong::TooLarge { size: bytes.len(), limit: MAX_SNAPSHOT_BYTES }));
    }
    let message = v1::Snapshot::decode(bytes).map_err(|e| InvalidSnapshot::at("", Wrong::Malformed(e.to_string())))?;
    if let Some(unknown) = message.requires.iter().find(|f| !FEATURES.contains(&f.as_str())) {
        return Err(InvalidSnapshot::at("requires", Wrong::UnknownFeature(unknown.clone())));
    }
    let providers = each("providers", message.providers, provider::decode)?;
    let count = providers.len();
    let snapshot = Snapshot {
        version: version.into(),
        price_version: message.price_version.into(),
        providers,
        allow: each("allow", message.allow, lists::decode_models)?,
        deny: each("deny", message.deny, lists::decode_models)?,
        routes: each("routes", message.routes, |r| routes::decode(r, count))?,
        limits: each("limits", message.limits, lists::decode_limit)?,
        telemetry: telemetry::decode(message.telemetry).map_err(|e| e.within("telemetry"))?,
        dry_run: false,
    };
    Ok(snapshot.sealed())
}
