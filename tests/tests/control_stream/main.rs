//! How policy and keys get from YAML to a call: a whole control plane, a whole sidecar and a simulator in memory,
//! with time paused.

#![expect(clippy::panic, clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod age;
mod contested;
mod keys;
mod objects;
mod outage;
mod page;
mod policies;
mod prices;
mod reconnect;
mod refused;
mod rejected;
mod telemetry;
mod versions;

use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use sidegate_testkit::sim::Answers;
use sidegate_tests::cable::Cable;
use sidegate_tests::client::chat;
use sidegate_tests::objects::Folder;
use sidegate_tests::plane::{Linked, Plane, in_force, within};
use sidegate_tests::stage::{Setting, Stage};

/// What an edit may take to be in force.
const SECOND: Duration = Duration::from_secs(1);

/// Control plane, sidecar and what is between them.
struct Whole {
    objects: Folder,
    state: Folder,
    cable: Cable,
    plane: Plane,
    stage: Stage,
    linked: Linked,
}

impl Whole {
    /// Everything up, and the policy of `objects` with its keys in force.
    async fn up(objects: Folder) -> Self {
        Self::set(objects, Setting::default()).await
    }

    /// The same, with the sidecar set like that.
    async fn set(objects: Folder, setting: Setting) -> Self {
        let (state, cable, stage) = (Folder::new("state"), Cable::default(), Stage::bare(setting));
        let plane = Plane::start(&objects, &cable);
        let linked = Linked::over(&stage, &cable, &state);
        let whole = Self { objects, state, cable, plane, stage, linked };
        whole.in_step().await;
        whole
    }

    /// Waits until the sidecar has taken all that the control plane has for it; how long that took.
    async fn in_step(&self) -> Duration {
        let newest = || self.plane.controller.control().effective(&self.stage.sidecar.caller);
        within(SECOND, "the sidecar has what it should have", || {
            let (newest, seated) = (newest(), self.plane.sidecar().unwrap_or_default());
            seated.policy == newest.snapshot.version
                && seated.credentials == newest.keys.version
                && in_force(&self.stage) == *newest.snapshot.version
        })
        .await
    }

    /// Waits until another policy than now is in force.
    async fn edited(&self) -> Duration {
        let before = in_force(&self.stage);
        within(SECOND, "another policy is in force", || in_force(&self.stage) != before).await
    }

    /// Waits until other keys than now are in force.
    async fn rotated(&self) -> Duration {
        let before = self.plane.sidecar().unwrap_or_default().credentials;
        let now = || self.plane.sidecar().is_some_and(|s| s.credentials != before && !s.credentials.is_empty());
        within(Duration::from_secs(5), "other keys are in force", now).await
    }

    /// The head of a stream that goes on for ten seconds.
    async fn long_stream(&mut self) -> Response<Incoming> {
        long_stream(&mut self.stage).await
    }
}

/// The head of a stream that goes on for ten seconds.
async fn long_stream(stage: &mut Stage) -> Response<Incoming> {
    stage.sim.set_answers(Answers { events: Some(20), pause_ms: 500, ..Answers::default() });
    let head = stage.send(chat("gpt-4o", r#","stream":true"#)).await;
    assert_eq!(head.status(), 200);
    stage.sim.set_answers(Answers::default());
    head
}
