//! The control plane: from objects to what every sidecar enforces
