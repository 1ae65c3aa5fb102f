//! Where objects come from: a directory of the YAML that `kubectl apply` would take, or a cluster.

pub mod files;
pub mod kube;
