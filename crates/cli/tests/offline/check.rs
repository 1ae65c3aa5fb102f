//! `sidegate check`.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{KEYS, SHOP, WRONG, golden, program, run, sidegate};

/// Far more than a bounded check needs in an unoptimized build on a busy machine.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn everything_that_is_wrong_is_told_with_its_line() {
    golden("check-wrong.txt", 1, &["check", "-f", WRONG]);
    golden("check-wrong.json", 1, &["check", "-f", WRONG, "-o", "json"]);
}

#[test]
fn a_missing_secret_is_a_warning_until_secrets_are_among_the_files() {
    golden("check-shop.txt", 1, &["check", "-f", SHOP]);
    golden("check-shop-keys.txt", 1, &["check", "-f", SHOP, KEYS]);
}

#[test]
fn objects_without_fault_end_with_0() {
    let ended = sidegate(&["check", "--strict", "-f", "../../examples/quickstart"]);
    assert_eq!((ended.code, &*ended.out), (0, "12 objects read: 0 errors, 0 warnings\n"));
}

#[test]
fn warnings_are_fatal_only_when_asked_to_be() {
    let platform = format!("{SHOP}/platform.yaml");
    let ended = sidegate(&["check", "-f", &platform]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    assert!(ended.out.ends_with("0 errors, 4 warnings\n"), "{}", ended.out);
    assert_eq!(sidegate(&["check", "-f", &platform, "--strict"]).code, 1);
}

#[test]
fn the_control_planes_namespace_decides_what_is_allowed_there() {
    let text = "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {name: a, namespace: plane}\n\
                spec: {namespaceSelector: {matchLabels: {a: b}}}\n";
    let ended = run(&program(), &["check", "-f", "-", "--control-namespace", "plane"], text);
    assert_eq!(ended.code, 0, "{}", ended.out);
    let ended = run(&program(), &["check", "-f", "-"], text);
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.starts_with("stdin:4: AIPolicy/plane/a spec.namespaceSelector: "), "{}", ended.out);
    let ended = sidegate(&["check", "-f", SHOP, "--control-namespace", "No"]);
    assert_eq!(ended.code, 64, "{}", ended.err);
}

#[test]
fn what_cannot_be_read_at_all_ends_with_66() {
    assert_eq!(sidegate(&["check", "-f", "nowhere.yaml"]).code, 66);
    assert_eq!(run(&program(), &["check", "-f", "-"], "# nothing\n").code, 66, "an empty check is no clean one");
    assert_eq!(sidegate(&["check"]).code, 64);
}

#[test]
fn a_key_in_the_wrong_place_is_not_printed() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: [never-printed]\n";
    let ended = run(&program(), &["check", "-f", "-"], text);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(!ended.out.contains("never-printed"), "{}", ended.out);
}

fn policy(name: usize, spec: &str) -> String {
    format!(
        "---\napiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: p{name}, namespace: sidegate-system}}\n\
         spec: {spec}\n"
    )
}

fn problems(text: &str) -> Vec<Value> {
    let began = Instant::now();
    let ended = run(&program(), &["check", "-f", "-", "-o", "json"], text);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let mut report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}", ended.err));
    let Value::Array(problems) = report["problems"].take() else { panic!("{report}") };
    problems
}

/// PO3: a long chain of targets is refused as the API server refuses it.
#[test]
fn a_chain_of_fifty_targets_is_refused() {
    let targets = (0..50).fold(String::new(), |mut all, n| {
        write!(all, "{{provider: p, priority: {n}}}, ").unwrap();
        all
    });
    let found = problems(&policy(0, &format!("{{routes: [{{name: r, matches: [{{}}], targets: [{targets}]}}]}}")));
    assert!(found.iter().any(|p| p["reason"] == "has 50 entries; at most 16 are allowed"), "{found:?}");
}

/// PO9: more matches than are allowed are refused; as many as are allowed, in every policy, are looked at in time.
#[test]
fn a_thousand_header_matches_are_refused_and_many_policies_end_soon() {
    let headers = (0..1000).fold(String::new(), |mut all, n| {
        write!(all, "{{name: h{n}, value: v}}, ").unwrap();
        all
    });
    let found = problems(&policy(
        0,
        &format!("{{routes: [{{name: r, matches: [{{headers: [{headers}]}}], targets: [{{provider: p}}]}}]}}"),
    ));
    assert!(found.iter().any(|p| p["reason"] == "has 1000 entries; at most 8 are allowed"), "{found:?}");

    let matches = (0..8).fold(String::new(), |mut all, n| {
        write!(all, "{{models: [\"a{n}*\", \"b{n}*\"], headers: [{{name: h{n}, value: v}}]}}, ").unwrap();
        all
    });
    let many = (0..800).fold(String::new(), |all, n| {
        let route = format!("{{name: r, matches: [{matches}], targets: [{{provider: p{n}, model: m}}]}}");
        all + &policy(n, &format!("{{podSelector: {{matchLabels: {{app: a{n}}}}}, routes: [{route}]}}"))
    });
    let found = problems(&many);
    assert_eq!(found.len(), 800, "every provider is missing");
}

/// PO9: more routes than can be held against each other in time are told, not looked at.
#[test]
fn more_routes_than_a_check_looks_at_are_told() {
    let routes = (0..32).fold(String::new(), |mut all, n| {
        write!(all, "{{name: r{n}, matches: [{{models: [m{n}]}}], targets: [{{provider: p}}]}}, ").unwrap();
        all
    });
    let directory = tempfile::tempdir().unwrap();
    for file in 0..5 {
        let text =
            (0..100).fold(String::new(), |all, n| all + &policy(file * 100 + n, &format!("{{routes: [{routes}]}}")));
        std::fs::write(directory.path().join(format!("{file}.yaml")), text).unwrap();
    }
    let began = Instant::now();
    let ended = sidegate(&["check", "-f", directory.path().to_str().unwrap(), "-o", "json"]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&report["objects"], &report["warnings"]), (&500.into(), &1.into()));
    let problems = report["problems"].as_array().unwrap();
    assert!(problems.iter().any(|p| p["reason"].as_str().unwrap().contains("for a part of them")));
}
