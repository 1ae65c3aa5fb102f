//! A cluster with a control plane, one pod's sidecar and a provider, each as it would be: the controller with the rights
//! of its role and no others, the sidecar with the token of its pod.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};
use sidegate_kube::{ApiServer, objects};
use sidegate_testkit::sim::{Key, SimConfig, Simulator};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::programs::{Program, ask, free};
use crate::{SOON, within};

/// The rights of the control plane, whole.
pub const ROLE: &str = include_str!("role.yaml");
/// Whom they are given to.
pub const ACCOUNT: &str = "system:serviceaccount:sidegate-system:sidegate-controller";
const HOME: &str = "sidegate-system";

pub struct World {
    pub server: ApiServer,
    pub client: Client,
    pub sim: Simulator,
    pub controller: Program,
    pub sidecar: Program,
    pub health: SocketAddr,
    pub calls: SocketAddr,
    /// Where the sidecar serves health and metrics.
    pub sidecar_health: SocketAddr,
    pub control: SocketAddr,
    /// Where people ask about running sidecars.
    pub live: SocketAddr,
    provider: SocketAddr,
    pub directory: TempDir,
    _tasks: JoinSet<()>,
}

/// A server with the project's kinds, both namespaces, and the role of the control plane.
pub async fn cluster() -> (ApiServer, Client) {
    let server = ApiServer::start().await;
    let client = server.client();
    objects::apply_crds(&client).await;
    objects::namespace(&client, HOME, &[]).await;
    objects::namespace(&client, "shop", &[("tier", "gold")]).await;
    objects::service_account(&client, HOME, "sidegate-controller").await;
    objects::service_account(&client, "shop", "web").await;
    objects::apply(&client, ROLE).await;
    (server, client)
}

/// A Secret of the control plane's namespace with `value` under `api-key`.
pub async fn secret(client: &Client, name: &str, value: &str) {
    let encoded = serde_json::to_value(k8s_openapi::ByteString(value.as_bytes().to_vec())).unwrap();
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": HOME},
        "data": {"api-key": encoded}});
    objects::apply_one(client, &object).await.unwrap();
}

/// A provider at `at` whose key is in the Secret `openai`.
pub fn provider(at: SocketAddr) -> Value {
    json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIProvider", "metadata": {"name": "openai", "namespace": HOME},
        "spec": {"dialect": "OpenAI", "endpoint": format!("http://{at}/v1"),
            "network": {"plaintext": true, "privateAddresses": true},
            "credentials": [{"name": "main", "secretRef": {"name": "openai", "key": "api-key"}}],
            "access": {"namespaces": {"from": "All"}},
            "models": [{"name": "gpt-4o*", "maxOutputTokens": 16384, "price": {"input": "0.15", "output": "0.60"}}]}})
}

/// A policy of `shop` with one route from `model` to a model that the provider has.
pub fn policy(name: &str, model: &str) -> Value {
    let target = json!({"provider": "openai", "namespace": HOME, "model": "gpt-4o-mini"});
    json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIPolicy", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"routes": [{"name": name, "matches": [{"models": [model]}], "targets": [target]}]}})
}

impl World {
    /// All of it, with calls that work.
    pub async fn start() -> Self {
        let (server, client) = cluster().await;
        let keys = ["a", "b"].map(|n| Key::new(n, format!("sim-key-{n}")));
        let sim = Simulator::new(SimConfig { keys: keys.to_vec(), ..SimConfig::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (serving, provider_at, mut tasks) = (sim.clone(), listener.local_addr().unwrap(), JoinSet::new());
        tasks.spawn(async move { serving.serve(listener).await });
        secret(&client, "openai", "sim-key-a\n").await;
        objects::apply_one(&client, &provider(provider_at)).await.unwrap();

        let directory = tempfile::tempdir().unwrap();
        let (control, live, health, calls, sidecar_health) = (free(), free(), free(), free(), free());
        let kubeconfig = kubeconfig_as(&server, directory.path(), ACCOUNT);
        let controller = start_controller(directory.path(), &kubeconfig, [control, live, health]);
        let labels = [("sidegate.dev/injected", "true"), ("app", "web")];
        let pod = objects::pod(&client, "shop", "web-1", "web", &labels).await;
        std::fs::write(directory.path().join("token"), objects::pod_token(&client, &pod, "sidegate").await).unwrap();
        let sidecar = start_sidecar(directory.path(), control, calls, sidecar_health);
        let world = Self {
            server,
            client,
            sim,
            controller,
            sidecar,
            health,
            calls,
            sidecar_health,
            control,
            live,
            directory,
            _tasks: tasks,
            provider: provider_at,
        };
        within(SOON, "a call works", async || world.call("gpt-4o").await == 200).await;
        world
    }

    /// The status of one call of the pod's application.
    pub async fn call(&self, model: &str) -> u16 {
        self.answer(model).await.0
    }

    /// Whether a call of `model` is routed to the model of [`policy`]'s target.
    pub async fn is_routed(&self, model: &str) -> bool {
        let status = self.call(model).await;
        status == 200 && self.sim.bill().entries().last().unwrap().model == "gpt-4o-mini"
    }

    /// The key that the last call went with.
    pub fn last_key(&self) -> Option<String> {
        self.sim.bill().entries().last().unwrap().key.clone()
    }

    /// Status and body of one call.
    pub async fn answer(&self, model: &str) -> (u16, String) {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]}).to_string();
        ask(self.calls, "POST /v1/chat/completions", &body).await.unwrap_or_default()
    }

    /// A page of the controller's health port.
    pub async fn page(&self, path: &str) -> (u16, String) {
        ask(self.health, &format!("GET {path}"), "").await.unwrap_or_default()
    }

    /// The controller is killed, and another one started in its place.
    pub fn replace_controller(&mut self) {
        let kubeconfig = self.directory.path().join("kubeconfig");
        self.controller.end();
        self.controller = start_controller(self.directory.path(), &kubeconfig, [self.control, self.live, self.health]);
    }

    pub async fn delete_secret(&self, name: &str) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), HOME);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The provider again, as it was.
    pub async fn apply_provider(&self, change: impl FnOnce(&mut Value)) {
        let mut object = provider(self.provider);
        change(&mut object);
        objects::apply_one(&self.client, &object).await.unwrap();
    }
}

/// Calls again and again, until it is told to stop; how many there were, and which failed.
pub async fn load(calls: SocketAddr, mut stop: watch::Receiver<bool>) -> (usize, Vec<(u16, String)>) {
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let (mut made, mut failed) = (0, Vec::new());
    while !*stop.borrow_and_update() {
        let answer = ask(calls, "POST /v1/chat/completions", &body).await.unwrap_or_default();
        made += 1;
        if answer.0 != 200 {
            failed.push(answer);
        }
        // Each call takes a port for a minute.
        sleep(Duration::from_millis(20)).await;
    }
    (made, failed)
}

/// A kubeconfig of whoever `user` is.
pub fn kubeconfig_as(server: &ApiServer, directory: &Path, user: &str) -> PathBuf {
    let mut config: Value = serde_json::from_slice(&std::fs::read(server.kubeconfig()).unwrap()).unwrap();
    config["users"][0]["user"]["as"] = json!(user);
    let path = directory.join("kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

fn start_controller(directory: &Path, kubeconfig: &Path, [control, live, health]: [SocketAddr; 3]) -> Program {
    let flags = [
        ("--kubeconfig", kubeconfig.display().to_string()),
        ("--listen", control.to_string()),
        ("--live-listen", live.to_string()),
        ("--metrics-listen", health.to_string()),
    ];
    Program::start("sidegate-controller", directory, &flags)
}

/// It says that it is another pod of another namespace, which must not count.
pub fn start_sidecar(directory: &Path, control: SocketAddr, calls: SocketAddr, health: SocketAddr) -> Program {
    let place = |name: &str| directory.join(name).display().to_string();
    let flags = [
        ("--listen", calls.to_string()),
        ("--metrics-listen", health.to_string()),
        ("--control", format!("http://{control}")),
        ("--state-dir", place("state")),
        ("--audit", place("audit.jsonl")),
        ("--token-file", place("token")),
        ("--drain-seconds", "1".to_owned()),
        ("--as-namespace", "somewhere".to_owned()),
        ("--as-workload", "deployment/something".to_owned()),
        ("--as-pod", "somebody".to_owned()),
    ];
    Program::start("sidegate-proxy", directory, &flags)
}
