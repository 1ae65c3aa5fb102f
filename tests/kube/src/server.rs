//! etcd and kube-apiserver, started, stopped and started again, and the clients that reach them.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::{Client, Config};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::config::assets;
use crate::identity::{self, Identity};
use crate::ports;
use crate::process::Process;

/// Ten times what a start takes on two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(50);
/// Starts when somebody else takes a port in between.
const ATTEMPTS: usize = 5;

/// A Kubernetes API server of a test's own.
pub struct ApiServer {
    // In the order in which they end.
    apiserver: Mutex<Option<Process>>,
    etcd: Process,
    flags: Vec<String>,
    identity: Identity,
    url: String,
    kubeconfig: PathBuf,
    directory: TempDir,
}

impl ApiServer {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// When its programs are not built, or it is not ready after two minutes; with what it said.
    pub async fn start() -> Self {
        for _ in 1..ATTEMPTS {
            if let Ok(server) = Self::attempt().await {
                return server;
            }
        }
        Self::attempt().await.unwrap_or_else(|said| panic!("no API server after {ATTEMPTS} attempts: {said}"))
    }

    async fn attempt() -> Result<Self, String> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = directory.path();
        let identity = Identity::make(at);
        let [client, peer, secure] = [ports::free(), ports::free(), ports::free()];
        let etcd = Process::start(&assets(), at, "etcd", &etcd_flags(client, peer));
        let url = format!("https://127.0.0.1:{secure}");
        let kubeconfig = at.join("kubeconfig");
        std::fs::write(&kubeconfig, identity.kubeconfig(&url, at)).expect("a kubeconfig");
        let flags = apiserver_flags(client, secure);
        let apiserver = Process::start(&assets(), at, "kube-apiserver", &flags);
        let server = Self { apiserver: Mutex::new(Some(apiserver)), etcd, flags, identity, url, kubeconfig, directory };
        server.ready().await.map_err(|said| format!("{said}\n{}", server.etcd.said()))?;
        Ok(server)
    }

    /// Waits until the API server answers that it is ready.
    async fn ready(&self) -> Result<(), String> {
        let client = self.client();
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(&client).await {
            let ended = self.process().as_mut().is_none_or(Process::ended);
            if ended || Instant::now() > deadline {
                return Err(self.process().as_ref().map_or_else(|| "it was stopped".to_owned(), Process::said));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.apiserver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the API server alone, at once; etcd keeps what was stored.
    pub fn stop(&self) {
        self.process().take();
    }

    /// Starts the API server again, at the same address, and waits until it is ready.
    ///
    /// # Panics
    /// When it is not ready after two minutes.
    pub async fn restart(&self) {
        self.stop();
        *self.process() = Some(Process::start(&assets(), self.directory.path(), "kube-apiserver", &self.flags));
        if let Err(said) = self.ready().await {
            panic!("the API server does not come back: {said}");
        }
    }

    /// Where it listens, for example `https://127.0.0.1:20001`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate, in PEM, that its clients have to trust.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.identity.authority
    }

    /// The file with which anything becomes the administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client with every right. Each test's runtime needs clients of its own.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_with_token(&self.identity.token)
    }

    /// A client of whoever holds `token`, for example a ServiceAccount.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn client_with_token(&self, token: &str) -> Client {
        Client::try_from(self.config(token)).expect("a client")
    }

    /// A client with the rights of a user, for example `system:serviceaccount:shop:web`, and of groups.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn client_as(&self, user: &str, groups: &[&str]) -> Client {
        let mut config = self.config(&self.identity.token);
        config.auth_info.impersonate = Some(user.to_owned());
        config.auth_info.impersonate_groups = Some(groups.iter().map(|g| (*g).to_owned()).collect());
        Client::try_from(config).expect("a client")
    }

    /// What a client of whoever holds `token` is made of; its address may be changed, to a proxy's for example.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn config(&self, token: &str) -> Config {
        let mut config = Config::new(self.url.parse().expect("a URL"));
        config.root_cert = Some(vec![self.identity.authority_der.clone()]);
        config.auth_info.token = Some(token.to_owned().into());
        config
    }

    /// The administrator's token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.identity.token
    }

    /// What kubectl answers, as the administrator.
    ///
    /// # Panics
    /// When there is no kubectl beside the API server.
    #[must_use]
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        std::process::Command::new(assets().join("kubectl"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.directory.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .current_dir(self.directory.path())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("kubectl beside the API server")
    }
}

async fn is_ready(client: &Client) -> bool {
    let request = http::Request::get("/readyz").body(Vec::new()).expect("a request");
    client.request_text(request).await.is_ok_and(|answer| answer == "ok")
}

fn flags<const N: usize>(pairs: [(&str, String); N]) -> Vec<String> {
    pairs.into_iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn etcd_flags(client: u16, peer: u16) -> Vec<String> {
    let [client, peer] = [client, peer].map(|port| format!("http://127.0.0.1:{port}"));
    flags([
        ("data-dir", "etcd".into()),
        ("unsafe-no-fsync", "true".into()),
        ("log-level", "warn".into()),
        ("listen-client-urls", client.clone()),
        ("advertise-client-urls", client),
        ("listen-peer-urls", peer.clone()),
        ("initial-advertise-peer-urls", peer.clone()),
        ("initial-cluster", format!("default={peer}")),
    ])
}

fn apiserver_flags(etcd: u16, secure: u16) -> Vec<String> {
    flags([
        ("etcd-servers", format!("http://127.0.0.1:{etcd}")),
        ("bind-address", "127.0.0.1".into()),
        ("secure-port", secure.to_string()),
        ("tls-cert-file", identity::CERTIFICATE.into()),
        ("tls-private-key-file", identity::KEY.into()),
        ("cert-dir", "certificates".into()),
        ("token-auth-file", identity::TOKENS.into()),
        ("authorization-mode", "RBAC".into()),
        // What makes tokens of ServiceAccounts, and their review.
        ("service-account-issuer", "https://kubernetes.default.svc".into()),
        ("service-account-key-file", identity::ACCOUNT_PUBLIC_KEY.into()),
        ("service-account-signing-key-file", identity::ACCOUNT_KEY.into()),
        ("service-cluster-ip-range", "10.96.0.0/24".into()),
        // Nobody reaches this server through its own Service, and a loopback address cannot stand in one.
        ("endpoint-reconciler-type", "none".into()),
        ("profiling", "false".into()),
    ])
}
