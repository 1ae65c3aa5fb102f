//! The election alone, and replicas that share one lease on an API server in memory, with paused time.

mod election;
mod replicas;
