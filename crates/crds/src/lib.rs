//! The Kubernetes objects: their types, their validation, and their way into the vocabulary
