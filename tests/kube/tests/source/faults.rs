//! A controller in this process, a real API server, and trouble between them.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use sidegate_controller::{ClusterOptions, Control, Controller};
use sidegate_kube::{ApiServer, objects};
use sidegate_policy::Caller;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::between::Between;
use crate::world::{cluster, policy, provider, secret};
use crate::{SOON, within};

/// The controller, and what it follows.
struct Followed {
    server: ApiServer,
    client: Client,
    between: Between,
    control: Arc<Control>,
    _tasks: JoinSet<()>,
}

impl Followed {
    /// One that knows a provider, its key and the policy `fast`; `before` may make trouble from the start.
    async fn start(before: impl FnOnce(&Between)) -> Self {
        let (server, client) = cluster().await;
        secret(&client, "openai", "sim-key-a").await;
        objects::apply_one(&client, &provider("127.0.0.1:1".parse().unwrap())).await.unwrap();
        objects::apply_one(&client, &policy("fast", "fast")).await.unwrap();
        let between = Between::start(&server).await;
        before(&between);
        let mut config = server.config(server.token());
        config.cluster_url = format!("http://{}", between.at).parse().unwrap();
        config.root_cert = None;
        config.default_retry = false;
        let options = ClusterOptions {
            client: Client::try_from(config).unwrap(),
            namespace: "sidegate-system".to_owned(),
            audience: "sidegate".to_owned(),
            clock: Arc::new(|| "2026-11-21T00:00:00Z".parse().unwrap()),
        };
        let controller = Controller::of_cluster(&options).unwrap();
        let (control, mut tasks) = (controller.control(), JoinSet::new());
        tasks.spawn(controller.watch());
        within(SOON, "it is ready", async || *control.readiness().borrow()).await;
        let followed = Self { server, client, between, control, _tasks: tasks };
        assert_eq!(followed.routes(), ["fast"]);
        followed
    }

    fn routes(&self) -> Vec<String> {
        let effective = self.control.effective(&Caller { namespace: "shop".into(), ..Caller::default() });
        effective.snapshot.snapshot.routes.iter().map(|route| route.name.to_string()).collect()
    }

    fn lists(&self) -> u64 {
        self.control.watches().iter().filter(|kind| kind.kind == "AIPolicy").map(|kind| kind.lists).sum()
    }
}

#[tokio::test]
async fn ka1_a_watch_that_is_too_old_is_listed_again_and_nothing_vanishes_meanwhile() {
    let followed = Followed::start(|_| {}).await;
    let lists = followed.lists();
    followed.between.answer("aipolicies?&watch=true&timeoutSeconds=", 1, 410, "Expired");
    objects::apply_one(&followed.client, &policy("late", "late")).await.unwrap();
    followed.between.cut();
    within(SOON, "the list again", async || {
        assert!(!followed.routes().is_empty(), "everything deleted, for a moment");
        followed.routes().len() == 2 && followed.lists() > lists
    })
    .await;
    assert_eq!(followed.between.owed(), 0, "it was told");
}

#[tokio::test]
async fn ka2_an_api_server_that_stops_and_comes_back_is_followed_again() {
    let followed = Followed::start(|_| {}).await;
    followed.server.stop();
    sleep(Duration::from_secs(3)).await;
    assert_eq!(followed.routes(), ["fast"]);
    assert!(*followed.control.readiness().borrow());
    assert!(followed.control.watches().iter().all(|kind| kind.trouble.is_some()));
    followed.server.restart().await;
    objects::apply_one(&followed.client, &policy("late", "late")).await.unwrap();
    within(SOON, "it goes on", async || followed.routes().len() == 2).await;
    within(SOON, "all", async || followed.control.watches().iter().all(|kind| kind.trouble.is_none())).await;
}

#[tokio::test]
async fn ka4_throttling_and_failures_are_waited_out_with_few_requests_and_one_list_at_a_time() {
    let followed = Followed::start(|between| {
        between.answer("namespaces", 3, 429, "TooManyRequests");
        between.answer("jobs", 3, 503, "ServiceUnavailable");
        between.answer("replicasets", 2, 500, "InternalError");
        between.delay("sendInitialEvents", 100, Duration::from_millis(300));
    })
    .await;
    assert_eq!(followed.between.most_lists_at_once(), 1);
    assert!(followed.between.requests("") < 60, "{} requests", followed.between.requests(""));
    let began = Instant::now();
    followed.between.answer("aipolicies", 3, 429, "TooManyRequests");
    followed.between.cut();
    objects::apply_one(&followed.client, &policy("late", "late")).await.unwrap();
    within(SOON, "it goes on", async || followed.routes().len() == 2).await;
    assert!(began.elapsed() >= Duration::from_secs(3), "a second each was asked for: {:?}", began.elapsed());
}

#[tokio::test]
async fn ka7_what_an_older_definition_let_in_is_alone_with_it() {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use kube::api::{Api, PostParams};
    use serde_json::json;

    let followed = Followed::start(|_| {}).await;
    // Somebody changes the definition: everything is let in.
    let definitions: Api<CustomResourceDefinition> = Api::all(followed.client.clone());
    let mut definition = definitions.get("aipolicies.sidegate.dev").await.unwrap();
    let open = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    definition.spec.versions[0].schema = Some(serde_json::from_value(open).unwrap());
    definitions.replace("aipolicies.sidegate.dev", &PostParams::default(), &definition).await.unwrap();
    let mut odd = policy("odd", "odd");
    odd["spec"]["routes"][0]["targets"][0]["weight"] = json!("a tenth");
    within(SOON, "it is let in", async || objects::apply_one(&followed.client, &odd).await.is_ok()).await;
    objects::apply_one(&followed.client, &policy("late", "late")).await.unwrap();
    within(SOON, "others are read", async || followed.routes() == ["fast", "late"]).await;
    let kinds = followed.control.watches();
    let undecodable: Vec<String> = kinds.iter().flat_map(|kind| &kind.undecodable).map(ToString::to_string).collect();
    assert_eq!(undecodable, ["AIPolicy/shop/odd"]);
}
