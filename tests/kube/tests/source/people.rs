//! People who look at running sidecars: by the right to get `pods/sidegate`, namespace by namespace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};
use sidegate_kube::objects;
use tempfile::TempDir;

use crate::programs::{Program, ask, free};
use crate::world::{World, start_sidecar};
use crate::{SOON, within};

/// The right to look, in one namespace.
const READER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: sidegate-reader, namespace: shop}
rules:
- {apiGroups: [''], resources: [pods/sidegate], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: sidegate-reader, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: sidegate-reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: desks}]
";

/// What a run of the program came to.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

/// The world, a second sidecar in the namespace `bank`, and two people.
struct Desks {
    world: World,
    _teller: Program,
    _place: TempDir,
    calls: std::net::SocketAddr,
    reader: PathBuf,
    stranger: PathBuf,
}

impl Desks {
    async fn set() -> Self {
        let world = World::start().await;
        let client = &world.client;
        for namespace in ["bank", "desks"] {
            objects::namespace(client, namespace, &[]).await;
        }
        objects::service_account(client, "bank", "web").await;
        let labels = [("sidegate.dev/injected", "true")];
        let pod = objects::pod(client, "bank", "teller-1", "web", &labels).await;
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("token"), objects::pod_token(client, &pod, "sidegate").await).unwrap();
        let calls = free();
        let teller = start_sidecar(place.path(), world.control, calls, free());
        objects::apply(client, READER).await;
        let (reader, stranger) = (person(&world, "reader").await, person(&world, "stranger").await);
        within(SOON, "both are connected", async || world.page("/readyz").await.1.contains("2 sidecars")).await;
        Self { world, _teller: teller, _place: place, calls, reader, stranger }
    }

    /// What the program prints, as somebody's kubeconfig has it.
    fn run(&self, person: &Path, arguments: &[&str]) -> Ended {
        let child = self.start(person, arguments);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn start(&self, person: &Path, arguments: &[&str]) -> std::process::Child {
        let test = std::env::current_exe().unwrap();
        let program = test.parent().and_then(|deps| deps.parent()).unwrap().join("sidegate");
        assert!(program.is_file(), "{} is not there: cargo build -p sidegate-cli", program.display());
        Command::new(program)
            .args(arguments)
            .args(["--control", &format!("http://{}", self.world.live)])
            .env_clear()
            .env("KUBECONFIG", person)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    async fn call_the_bank(&self) {
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).to_string();
        let status = || async { ask(self.calls, "POST /v1/chat/completions", &body).await.unwrap_or_default().0 };
        within(SOON, "the bank's call works", async || status().await == 200).await;
    }
}

/// A ServiceAccount's kubeconfig, whose context is in the namespace `shop`.
async fn person(world: &World, name: &str) -> PathBuf {
    objects::service_account(&world.client, "desks", name).await;
    let pod = objects::pod(&world.client, "desks", name, name, &[]).await;
    let token = objects::pod_token(&world.client, &pod, "https://kubernetes.default.svc").await;
    let mut config: Value = serde_json::from_slice(&std::fs::read(world.server.kubeconfig()).unwrap()).unwrap();
    config["users"][0]["user"] = json!({"token": token});
    config["contexts"][0]["context"]["namespace"] = json!("shop");
    let path = world.directory.path().join(format!("{name}.kubeconfig"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

#[tokio::test]
async fn who_may_get_pods_sidegate_in_a_namespace_sees_its_calls_and_no_others() {
    let desks = Desks::set().await;
    let watching = desks.start(&desks.reader, &["tap", "-o", "json", "--count", "3"]);
    let output = std::thread::spawn(move || watching.wait_with_output().unwrap());
    within(SOON, "three calls are seen", async || {
        desks.call_the_bank().await;
        assert_eq!(desks.world.call("gpt-4o").await, 200);
        output.is_finished()
    })
    .await;
    let output = output.join().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), out.lines().count()), (Some(0), 3), "{out}{err}");
    assert!(err.contains("watching 1 sidecar of 1 pod"), "{err}");
    for line in out.lines() {
        let seen: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&seen["namespace"], &seen["pod"]), (&json!("shop"), &json!("web-1")), "{line}");
        // What the sidecar says of itself is another pod of another namespace.
        assert_eq!(seen["call"]["outcome"], "answered", "{line}");
    }
    let id = serde_json::from_str::<Value>(out.lines().last().unwrap()).unwrap()["call"]["request_id"].clone();
    let trace = desks.run(&desks.reader, &["trace", id.as_str().unwrap()]);
    assert!(trace.code == Some(0) && trace.out.contains("of pod shop/web-1"), "{}{}", trace.out, trace.err);
    within(SOON, "sums", async || desks.run(&desks.reader, &["top"]).out.contains("shop")).await;
    let top = desks.run(&desks.reader, &["top", "--by", "namespace"]);
    assert!(!top.out.contains("bank"), "{}", top.out);
    for elsewhere in [&["-n", "bank"][..], &["-A"]] {
        for command in [&["tap"][..], &["top"], &["trace", id.as_str().unwrap()]] {
            let refused = desks.run(&desks.reader, &[command, elsewhere].concat());
            assert_eq!((refused.code, &*refused.out), (Some(77), ""), "{command:?}: {}", refused.err);
            assert!(refused.err.contains("may not get pods/sidegate in"), "{}", refused.err);
        }
    }
    let all = desks.run(desks.world.server.kubeconfig(), &["top", "-A", "--by", "namespace", "-o", "json"]);
    let all: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!((&all["sidecars"], &all["pods"]), (&json!(2), &json!(2)), "{all}");
    assert!(!desks.world.controller.said().contains("Bearer"), "no token is logged");
}

#[tokio::test]
async fn who_may_not_is_refused_and_told_what_is_missing() {
    let desks = Desks::set().await;
    let id = "0".repeat(32);
    for command in [&["tap"][..], &["top"], &["trace", &id]] {
        let refused = desks.run(&desks.stranger, command);
        assert_eq!((refused.code, &*refused.out), (Some(77), ""), "{command:?}: {}", refused.err);
        assert!(refused.err.contains("system:serviceaccount:desks:stranger"), "{}", refused.err);
    }
    let token = desks.world.directory.path().join("wrong");
    std::fs::write(&token, "no-token-of-anybody").unwrap();
    let unknown = desks.run(&desks.reader, &["top", "--token-file", &token.display().to_string()]);
    assert_eq!(unknown.code, Some(77), "{}", unknown.err);
    assert!(unknown.err.contains("does not know this token"), "{}", unknown.err);
    // A right that is taken away, and the control plane's own.
    let roles: Api<RoleBinding> = Api::namespaced(desks.world.client.clone(), "shop");
    assert_eq!(desks.run(&desks.reader, &["top"]).code, Some(0));
    roles.delete("sidegate-reader", &DeleteParams::default()).await.unwrap();
    within(SOON, "it is gone", async || desks.run(&desks.reader, &["top"]).code == Some(77)).await;
    let reviewers: Api<ClusterRoleBinding> = Api::all(desks.world.client.clone());
    reviewers.delete("sidegate-reviewer", &DeleteParams::default()).await.unwrap();
    within(SOON, "nobody can say", async || desks.run(&desks.reader, &["top"]).code == Some(69)).await;
}

#[tokio::test]
async fn who_loses_the_right_while_they_watch_sees_no_more() {
    let desks = Desks::set().await;
    let watching = desks.start(&desks.reader, &["tap"]);
    let reader = std::thread::spawn(move || watching.wait_with_output().unwrap());
    let controller = &desks.world.controller;
    within(SOON, "it watches", async || controller.said().contains("is shown the calls of namespace shop")).await;
    let roles: Api<RoleBinding> = Api::namespaced(desks.world.client.clone(), "shop");
    roles.delete("sidegate-reader", &DeleteParams::default()).await.unwrap();
    within(SOON, "it ends", async || reader.is_finished()).await;
    let output = reader.join().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(77), "{told}");
    assert!(told.contains("may not get pods/sidegate in namespace shop"), "{told}");
    let said = controller.said();
    assert!(said.contains("system:serviceaccount:desks:reader") && said.contains("shop no more"), "{said}");
    let metrics = desks.world.page("/metrics").await.1;
    let admitted = "sidegate_control_people_total{verb=\"tap\",result=\"admitted\"} 1";
    assert!(metrics.contains(admitted), "{metrics}");
}
