//! What people see of running sidecars: a control plane, several sidecars and their simulators in memory, with time
//! paused, and people who ask over the same cable.

#![expect(clippy::panic, clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod lease;
mod tap;
mod top;
mod trace;

use std::time::Duration;

use serde_json::Value;
use sidegate_policy::Caller;
use sidegate_testkit::sim::Fault;
use sidegate_tests::Answer;
use sidegate_tests::cable::Cable;
use sidegate_tests::client::chat;
use sidegate_tests::objects::{Folder, denying, simple};
use sidegate_tests::plane::{Linked, Plane, in_force, within};
use sidegate_tests::stage::{Setting, Stage};
use sidegate_wire::v1;
use sidegate_wire::v1::live_client::LiveClient;
use sidegate_wire::v1::tap_event::Event;
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;

/// What anything may take that is not waited for on purpose.
const SOON: Duration = Duration::from_secs(1);
/// Sidecars tell their sums at least this often.
const SUMS: Duration = Duration::from_secs(6);

/// A sidecar that is linked, and its simulator.
struct Pod {
    stage: Stage,
    linked: Option<Linked>,
    state: Folder,
}

impl Pod {
    async fn up(cable: &Cable, namespace: &str, workload: &str) -> Self {
        let caller = Caller {
            namespace: namespace.into(),
            service_account: "web".into(),
            workload: format!("deployment/{workload}").into(),
            pod: format!("{workload}-1").into(),
            ..Caller::default()
        };
        let (stage, state) = (Stage::bare(Setting { caller, ..Setting::default() }), Folder::new("state"));
        let mut pod = Self { stage, linked: None, state };
        pod.link(cable);
        within(SOON, "the sidecar has a policy", || !in_force(&pod.stage).is_empty()).await;
        pod
    }

    fn link(&mut self, cable: &Cable) {
        self.linked = None;
        self.linked = Some(Linked::over(&self.stage, cable, &self.state));
    }

    async fn call(&mut self, model: &str) -> Answer {
        let answer = self.stage.call(chat(model, "")).await;
        self.stage.settled().await;
        answer
    }

    fn is_watched(&self) -> bool {
        self.stage.sidecar.recent.is_watched()
    }
}

/// The control plane and three sidecars in two namespaces.
struct Cluster {
    cable: Cable,
    plane: Plane,
    objects: Folder,
    checkout: Pod,
    search: Pod,
    teller: Pod,
}

impl Cluster {
    async fn up(objects: Folder) -> Self {
        let cable = Cable::default();
        let plane = Plane::start(&objects, &cable);
        let checkout = Pod::up(&cable, "shop", "checkout").await;
        let search = Pod::up(&cable, "shop", "search").await;
        let teller = Pod::up(&cable, "bank", "teller").await;
        Self { cable, plane, objects, checkout, search, teller }
    }

    async fn simple() -> Self {
        let objects = simple();
        objects.write("policy.yaml", denying("forbidden"));
        Self::up(objects).await
    }

    /// Somebody who asks.
    fn person(&self) -> LiveClient<Channel> {
        LiveClient::new(self.plane.people.channel())
    }

    async fn tap(&self, request: v1::TapRequest) -> Tap {
        let events = self.person().tap(request).await.unwrap().into_inner();
        let mut tap = Tap { events };
        assert!(matches!(tap.next().await, Event::Coverage(_)));
        tap
    }

    /// The pods of a namespace; all of them without a name.
    fn pods(&self, namespace: &str) -> Vec<&Pod> {
        let all = [&self.checkout, &self.search, &self.teller];
        let of = |pod: &&&Pod| namespace.is_empty() || *pod.stage.sidecar.caller.namespace == *namespace;
        all.iter().filter(of).copied().collect()
    }

    async fn watched(&self, namespace: &str) {
        within(SOON, "the sidecars are asked", || self.pods(namespace).iter().all(|pod| pod.is_watched())).await;
    }

    async fn left_alone(&self, limit: Duration) -> Duration {
        within(limit, "the sidecars are left alone", || self.pods("").iter().all(|pod| !pod.is_watched())).await
    }
}

/// Somebody who watches.
struct Tap {
    events: Streaming<v1::TapEvent>,
}

impl Tap {
    async fn next(&mut self) -> Event {
        let event = timeout(Duration::from_secs(60), self.events.message()).await;
        event.unwrap().unwrap().and_then(|event| event.event).unwrap()
    }

    /// The next call: whose it is as the control plane says, and its audit line.
    async fn call(&mut self) -> (String, Value) {
        match self.next().await {
            Event::Call(call) => {
                let whose = format!("{} {} {}", call.namespace, call.workload, call.pod);
                (whose, serde_json::from_slice(&call.record).unwrap())
            }
            other => panic!("no call: {other:?}"),
        }
    }

    /// Nothing comes for a while.
    async fn silence(&mut self) {
        let event = timeout(Duration::from_secs(3), self.events.message()).await;
        assert!(event.is_err(), "{event:?}");
    }
}

fn namespace(name: &str) -> Option<v1::Scope> {
    Some(v1::Scope { namespace: name.to_owned(), all_namespaces: false })
}

fn everywhere() -> Option<v1::Scope> {
    Some(v1::Scope { namespace: String::new(), all_namespaces: true })
}

/// A provider answers that.
fn status(status: u16) -> Fault {
    Fault::Status { status, headers: Vec::new(), body: None, code: None }
}
