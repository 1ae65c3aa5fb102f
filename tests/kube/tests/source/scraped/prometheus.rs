//! A Prometheus of a test's own: its directory, its port, the project's rules, a scrape each second.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sidegate_kube::prometheus;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::programs::free;
use crate::{SOON, within};

/// A running Prometheus, ended when it is dropped.
pub struct Prometheus {
    child: Child,
    at: SocketAddr,
    log: PathBuf,
}

impl Prometheus {
    /// Starts one that scrapes these, and waits until it answers.
    pub async fn start(directory: &Path, name: &str, features: &str, targets: &[SocketAddr]) -> Self {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus").canonicalize().unwrap();
        let targets: Vec<String> = targets.iter().map(|at| format!("\"{at}\"")).collect();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{rules}/rules.yaml, {rules}/alerts.yaml]\n\
             scrape_configs:\n- job_name: sidegate\n  static_configs: [{{targets: [{targets}]}}]\n",
            rules = rules.display(),
            targets = targets.join(", ")
        );
        std::fs::write(directory.join("prometheus.yml"), config).unwrap();
        let (at, log) = (free(), directory.join("prometheus.log"));
        let child = Command::new(prometheus("prometheus"))
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .args([format!("--web.listen-address={at}"), format!("--enable-feature={features}")])
            .current_dir(&directory)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let started = Self { child, at, log };
        within(SOON, "Prometheus answers", async || {
            call(at, "GET", "/-/ready", "").await.is_some_and(|(s, _)| s == 200)
        })
        .await;
        started
    }

    /// The answer to a query now.
    pub async fn query(&self, query: &str) -> Value {
        self.post("/api/v1/query", &format!("query={}", encoded(query))).await
    }

    /// The exemplars of a query.
    pub async fn exemplars(&self, query: &str) -> Value {
        self.post("/api/v1/query_exemplars", &format!("query={}&start=0&end=4102444800", encoded(query))).await
    }

    /// Every rule and alert, as it stands.
    pub async fn rules(&self) -> Vec<Value> {
        let groups = self.get("/api/v1/rules").await["data"]["groups"].as_array().unwrap().clone();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }

    pub async fn get(&self, path: &str) -> Value {
        let (_, body) = call(self.at, "GET", path, "").await.unwrap();
        serde_json::from_str(&body).unwrap()
    }

    async fn post(&self, path: &str, form: &str) -> Value {
        let (_, body) = call(self.at, "POST", path, form).await.unwrap();
        serde_json::from_str(&body).unwrap()
    }

    /// What it has written.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request over a connection of its own: status and whole body; none when nobody answers.
async fn call(at: SocketAddr, method: &str, path: &str, form: &str) -> Option<(u16, String)> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", at.to_string())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form.to_owned())))
        .ok()?;
    send(at, request).await
}

/// Sends a request and reads its answer to its end, or to where it breaks off.
pub async fn send(at: SocketAddr, request: Request<Full<Bytes>>) -> Option<(u16, String)> {
    let answered = timeout(Duration::from_secs(30), async {
        let stream = TcpStream::connect(at).await.ok()?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let mut task = JoinSet::new();
        task.spawn(async move { drop(connection.await) });
        let answer = sender.send_request(request).await.ok()?;
        let status = answer.status().as_u16();
        #[expect(clippy::disallowed_methods, reason = "it is limited")]
        let body = Limited::new(answer.into_body(), 64 << 20).collect().await.ok().map(|b| b.to_bytes());
        Some((status, String::from_utf8_lossy(&body.unwrap_or_default()).into_owned()))
    });
    answered.await.ok().flatten()
}

/// As a form has it.
fn encoded(text: &str) -> String {
    let byte = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}
