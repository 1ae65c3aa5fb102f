//! The control plane over a real Kubernetes API server: programs as they are deployed, and what may go wrong between
//! them and the server. Each test has a server of its own; every wait has an end.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod between;
mod faults;
mod people;
mod programs;
mod replaced;
mod rights;
mod rotation;
mod scraped;
mod trail;
mod world;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// What anything may take on a busy machine, unless a test says less.
const SOON: Duration = Duration::from_secs(60);

/// Waits until `holds`; how long it took.
async fn within(limit: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() <= limit, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}
