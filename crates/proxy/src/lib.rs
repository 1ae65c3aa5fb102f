//! The sidecar: one call in eight steps
