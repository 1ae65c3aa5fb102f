//! A real Kubernetes API server for tests: etcd and kube-apiserver as processes of the test that starts them.
//!
//! [`ApiServer::start`] takes free ports of 127.0.0.1 and a temporary directory of its own, so several run side by
//! side; all of it is gone when the value is dropped. There is no controller manager, scheduler or kubelet: nothing
//! collects garbage, makes `default` ServiceAccounts or runs pods. What a test needs of these it makes itself, with
//! the functions in [`objects`].
//!
//! The programs are built once by `make kube-assets`, or are taken from the directory in `KUBEBUILDER_ASSETS`.

#![expect(clippy::expect_used, clippy::panic, reason = "what a test needs and does not get ends it")]

mod config;
mod identity;
pub mod objects;
mod ports;
mod process;
mod server;

pub use config::{assets, prometheus};
pub use ports::free as free_port;
pub use server::ApiServer;
