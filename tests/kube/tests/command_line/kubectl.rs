//! As a plugin of the real kubectl.

use std::os::unix::fs::symlink;
use std::process::Command;

use sidegate_kube::assets;

use crate::stage::{Stage, ended, program, sidegate};

#[tokio::test]
async fn kubectl_runs_it_as_its_plugin_and_asks_it_for_completions() {
    let stage = Stage::new().await;
    let admin = stage.kubeconfig("admin", stage.server.token());
    for name in ["kubectl-sidegate", "kubectl_complete-sidegate"] {
        symlink(program(), stage.directory().join(name)).unwrap();
    }
    let kubectl = |args: &[&str]| {
        let mut command = Command::new(assets().join("kubectl"));
        command.args(args).env_clear().env("PATH", stage.directory()).env("KUBECONFIG", &admin);
        ended(command.env("HOME", stage.directory()).output().unwrap())
    };
    let asked = ["explain", "pod/checkout-5d8f-x", "--model", "fast", "-n", "shop"];
    let plugin = kubectl(&[&["sidegate"], &asked[..]].concat());
    let alone = sidegate(&admin, &asked);
    assert_eq!((plugin.code, &plugin.out), (0, &alone.out), "{}", plugin.err);
    let wrong = kubectl(&["sidegate", "explain"]);
    assert!(wrong.code != 0 && wrong.err.contains("Usage: kubectl sidegate explain"), "{}", wrong.err);
    let completed = kubectl(&["__complete", "sidegate", "explain", "--dialect", "A"]);
    assert!(completed.out.starts_with("Anthropic\n"), "{}{}", completed.out, completed.err);
}
