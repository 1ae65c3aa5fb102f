//! Where objects come from. Today that is a directory of the YAML that `kubectl apply` would take.

pub mod files;
