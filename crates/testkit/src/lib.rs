//! The provider simulator and other test parts.
//!
//! Nothing here is linked into the sidecar or the control plane: it is a
//! dev-dependency of the tests, and a dependency of `sidegate dev` only.

pub mod sim;
pub mod sink;
