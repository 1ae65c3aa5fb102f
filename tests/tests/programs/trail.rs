//! The audit trail as files: bounded, moved by others, on a full disk; and the control plane's part of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sidegate_tests::audit;
use sidegate_tests::client::chat;
use sidegate_tests::objects::{Folder, OPENAI, denying};
use sidegate_tests::plane::within;

use crate::http::{Connection, get};
use crate::ports::free;
use crate::process::{Program, command};
use crate::{Apart, Provider, SOON, control_plane, ended, sidecar_flags};

/// Starts a sidecar whose audit file is bounded like that; `limit`: no file of it grows beyond so many bytes.
async fn apart(objects: &Folder, (max_bytes, keep): (u64, u32), limit: Option<u64>) -> Apart {
    let [calls, health, control, live, control_health] = free();
    let state = Folder::new("state");
    let flags = sidecar_flags(&state, calls, health, control);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut command = command("sidegate-proxy", &flags);
    if let Some(limit) = limit {
        // The signal that comes with the limit is ignored, and so a write fails as it does on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", limit / 512);
        let (program, mut shell) = (command.get_program().to_owned(), std::process::Command::new("/bin/sh"));
        shell.arg("-c").arg(script).arg(program).args(&flags).env_clear().stdin(std::process::Stdio::null());
        command = shell;
    }
    command.env("SIDEGATE_AUDIT_MAX_BYTES", max_bytes.to_string()).env("SIDEGATE_AUDIT_KEEP", keep.to_string());
    let apart = Apart {
        controller: control_plane(objects, [control, live, control_health]),
        sidecar: Program::spawn("sidegate-proxy", command),
        calls,
        health,
        control,
        live,
        control_health,
        state,
    };
    apart.ready("ready with policy").await;
    apart
}

/// So many calls; their ids.
async fn calls(apart: &Apart, count: usize) -> Vec<String> {
    let (mut connection, mut ids) = (Connection::open(apart.calls).await.unwrap(), Vec::new());
    for _ in 0..count {
        let answer = connection.call(chat("gpt-4o", "")).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        ids.push(answer.header("x-sidegate-request-id").to_owned());
    }
    ids
}

fn names(directory: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<PathBuf> = all.filter(|path| path.to_string_lossy().contains("audit.jsonl")).collect();
    names.sort();
    names
}

/// The ids of the calls in these files; every line of them is whole and as published.
fn ids(files: &[PathBuf]) -> Vec<String> {
    let text = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<String>();
    assert!(text.ends_with('\n'));
    audit::lines(&text).iter().map(|line| line["request_id"].as_str().unwrap().to_owned()).collect()
}

async fn dropped(apart: &Apart) -> u64 {
    let metrics = get(apart.health, "/metrics").await.unwrap();
    let value = metrics.text().lines().find_map(|line| line.strip_prefix("sidegate_audit_dropped_total "));
    value.and_then(|value| value.parse().ok()).unwrap()
}

#[tokio::test]
async fn full_audit_files_are_renamed_and_no_line_is_lost_or_torn() {
    let provider = Provider::start().await;
    let objects = provider.objects("sim-key-a");
    let mut apart = apart(&objects, (1 << 20, 9), None).await;
    let file = apart.state.path().join("audit.jsonl");
    let mut told = calls(&apart, 2_000).await;
    // Somebody else moves the file, in the middle of it.
    std::fs::rename(&file, apart.state.path().join("moved-audit.jsonl")).unwrap();
    told.extend(calls(&apart, 2_000).await);
    apart.sidecar.signal("TERM");
    assert_eq!(ended(&mut apart.sidecar, SOON).await, Some(0));
    let files = names(apart.state.path());
    assert!(files.len() >= 3, "{files:?}");
    for file in &files {
        assert!(std::fs::metadata(file).unwrap().len() <= 1 << 20, "{file:?}");
    }
    let written = ids(&files);
    assert_eq!(written.len(), told.len());
    assert_eq!(written.into_iter().collect::<BTreeSet<_>>(), told.into_iter().collect());
}

#[tokio::test]
async fn a_full_disk_costs_audit_lines_that_are_counted_and_no_call() {
    let provider = Provider::start().await;
    let objects = provider.objects("sim-key-a");
    let apart = apart(&objects, (64 << 20, 1), Some(64 * 1024)).await;
    let file = apart.state.path().join("audit.jsonl");
    let told = calls(&apart, 300).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let written = ids(std::slice::from_ref(&file));
    assert!(written.len() < told.len(), "{} of {}", written.len(), told.len());
    assert!(told.starts_with(&written[..]), "those that found room are whole and in order");
    assert_eq!(written.len() as u64 + dropped(&apart).await, told.len() as u64);
    let words = "audit lines cannot be written, and are lost until they can be";
    assert_eq!(apart.sidecar.told().matches(words).count(), 1, "told once: {}", apart.sidecar.told());
    // Somebody makes room.
    std::fs::remove_file(&file).unwrap();
    let later = calls(&apart, 5).await;
    within(SOON, "lines are written again", || file.exists() && ids(std::slice::from_ref(&file)) == later).await;
    let lost = format!("{} were lost", told.len() - written.len());
    within(SOON, "that is told", || apart.sidecar.told().contains(&lost)).await;
}

/// What the control plane has told, as `change kind/namespace/name generation`.
fn changes(said: &str) -> Vec<(String, Value)> {
    let word = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let object = format!("{}/{}/{}", text("kind"), text("namespace"), text("name"));
        format!("{} {object} {}", text("change"), line["generation"])
    };
    audit::lines(said).into_iter().map(|line| (word(&line), line)).collect()
}

/// Waits until a change is told, and gives its line.
async fn told(program: &Program, words: &str) -> Value {
    let find = || changes(&program.said()).into_iter().find(|(told, _)| told == words);
    within(SOON, words, || find().is_some()).await;
    find().unwrap().1
}

#[tokio::test]
async fn every_change_of_an_object_is_told_by_the_control_plane_and_no_value_with_it() {
    let provider = Provider::start().await;
    let objects = provider.objects("sim-key-a");
    let mut apart = Apart::start(&objects).await;
    let (openai, cluster) = ("AIProvider/sidegate-system/openai", "AIPolicy/sidegate-system/cluster");
    let found = told(&apart.controller, &format!("found {openai} 1")).await;
    assert_eq!((&found["manager"], &found["fields"]), (&"file".into(), &Value::Null));
    let programmed = told(&apart.controller, &format!("programmed {openai} 1")).await;
    assert_eq!(programmed["sidecars"], 1);

    objects.write("policy.yaml", denying("denied-*"));
    told(&apart.controller, &format!("created {cluster} 1")).await;
    told(&apart.controller, &format!("programmed {cluster} 1")).await;
    objects.write("policy.yaml", denying("denied-too-*"));
    let changed = told(&apart.controller, &format!("changed {cluster} 2")).await;
    assert_eq!(changed["fields"], serde_json::json!(["spec.models.deny"]));
    let programmed = told(&apart.controller, &format!("programmed {cluster} 2")).await;
    assert!(programmed["accepted_at"].as_str() <= programmed["time"].as_str(), "{programmed}");

    objects.write("policy.yaml", denying("a*b"));
    let refused = told(&apart.controller, &format!("refused {cluster} 3")).await;
    assert_eq!(refused["in_force"], 2);
    assert!(refused["refusals"][0].as_str().is_some_and(|why| why.starts_with("spec.models.deny")), "{refused}");
    objects.write("secret.yaml", sidegate_tests::objects::secret("sim-key-b"));
    let rotated = told(&apart.controller, "changed Secret/sidegate-system/openai null").await;
    assert_eq!(rotated["fields"], serde_json::json!(["data[key]"]));
    objects.remove("policy.yaml");
    told(&apart.controller, &format!("deleted {cluster} 3")).await;
    let at = format!("http://{}", provider.at);
    objects.write("provider.yaml", OPENAI.replace("http://openai.test", &at).replace("0.15", "0.1500307"));
    let changed = told(&apart.controller, &format!("changed {openai} 2")).await;
    assert_eq!(changed["fields"], serde_json::json!(["spec.models[gpt-4o*].price.input"]));

    apart.controller.signal("TERM");
    assert_eq!(ended(&mut apart.controller, SOON).await, Some(0));
    let (said, _) = apart.controller.whole();
    for value in ["sim-key", "denied", "0.1500307", "127.0.0.1"] {
        assert!(!said.contains(value), "{value}: {said}");
    }
}
