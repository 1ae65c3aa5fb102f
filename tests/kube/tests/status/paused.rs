//! A replica that stands still while it holds the right to write, as a process of its own.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kube::ResourceExt;
use sidegate_kube::{ApiServer, objects};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::replicas::{accepted, cluster, holder};
use crate::stage::{OBJECTS, api};

/// A controller, ended when dropped.
struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    fn start(server: &ApiServer, directory: &TempDir, name: &str) -> Self {
        let test = std::env::current_exe().unwrap();
        let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("sidegate-controller");
        assert!(path.is_file(), "{} is not there: cargo build -p sidegate-controller", path.display());
        let log = directory.path().join(format!("{name}.log"));
        let child = Command::new(path)
            .args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--live-listen", "127.0.0.1:0"])
            .args(["--kubeconfig"])
            .arg(server.kubeconfig())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Sends a signal by its name.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn cp13_a_holder_that_stood_still_and_goes_on_writes_nothing() {
    let (server, client) = cluster().await;
    let directory = tempfile::tempdir().unwrap();
    let first = Program::start(&server, &directory, "first");
    let old = holder(&client, |lease| lease.lease_transitions == Some(0)).await.holder_identity.unwrap();
    objects::apply(&client, OBJECTS).await;
    accepted(&client, 1).await;
    let second = Program::start(&server, &directory, "second");
    sleep(Duration::from_secs(3)).await;
    assert!(!second.said().contains("writes status"), "{}", second.said());

    first.signal("STOP");
    // Something to write for whoever holds the lease, which the one that stands still does not know of.
    objects::apply(&client, &OBJECTS.replace("gpt-*", "gpt-4*")).await;
    let new = holder(&client, |lease| lease.holder_identity.as_deref() != Some(&old)).await;
    assert_eq!(new.lease_transitions, Some(1));
    accepted(&client, 2).await;
    sleep(Duration::from_secs(2)).await;
    let policies = api(&client, "AIPolicy", "shop");
    let before = policies.get("checkout").await.unwrap().resource_version();

    first.signal("CONT");
    sleep(Duration::from_secs(6)).await;
    let after = policies.get("checkout").await.unwrap().resource_version();
    assert_eq!(after, before, "somebody wrote: {}", first.said());
    let held = holder(&client, |_| true).await;
    assert_eq!((held.holder_identity, held.lease_transitions), (new.holder_identity, Some(1)));
    assert!(first.said().contains("does not write status any more"), "{}", first.said());
}
