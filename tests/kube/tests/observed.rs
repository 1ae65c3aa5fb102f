//! The rules, alerts, dashboards and runbook pages as files: promtool takes them, and they agree with each other.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sidegate_kube::{objects, prometheus};

fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn yaml(path: &str) -> Value {
    objects::documents(&std::fs::read_to_string(at(path)).unwrap()).remove(0)
}

fn promtool(arguments: &[&str]) {
    let output =
        Command::new(prometheus("promtool")).args(arguments).current_dir(at("deploy/prometheus")).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&said));
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn alerts() -> Vec<Value> {
    let groups = list(&yaml("deploy/prometheus/alerts.yaml")["groups"]);
    let alerts: Vec<Value> = groups.iter().flat_map(|group| list(&group["rules"])).collect();
    assert!(alerts.len() >= 15, "{}", alerts.len());
    alerts
}

#[test]
fn promtool_takes_the_rules_and_the_alerts_fire_and_rest_as_their_tests_say() {
    promtool(&["check", "rules", "rules.yaml", "alerts.yaml"]);
    promtool(&["test", "rules", "tests.yaml"]);
}

#[test]
fn each_alert_is_tested_both_ways() {
    let mut tried: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for test in list(&yaml("deploy/prometheus/tests.yaml")["tests"]) {
        for of in list(&test["alert_rule_test"]) {
            tried.entry(text(&of["alertname"])).or_default().insert(list(&of["exp_alerts"]).is_empty());
        }
    }
    let both = BTreeSet::from([true, false]);
    let expected: BTreeMap<String, BTreeSet<bool>> =
        alerts().iter().map(|alert| (text(&alert["alert"]), both.clone())).collect();
    assert_eq!(tried, expected);
}

#[test]
fn each_alert_has_its_runbook_page_and_each_page_its_alert() {
    let mut pages = BTreeSet::new();
    for alert in alerts() {
        let (name, page) = (text(&alert["alert"]), text(&alert["annotations"]["runbook"]));
        let written = std::fs::read_to_string(at(&page)).unwrap_or_default();
        assert!(written.starts_with(&format!("# {name}\n")), "{page} is not the page of {name}");
        for part in ["\n## How to see it\n", "\n## What to do\n"] {
            assert!(written.contains(part), "{page} lacks {part}");
        }
        assert!(["info", "warning", "critical"].contains(&text(&alert["labels"]["severity"]).as_str()), "{name}");
        assert!(pages.insert(at(&page)), "{page} is the page of two alerts");
    }
    let there: BTreeSet<PathBuf> =
        std::fs::read_dir(at("docs/runbooks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let names = |paths: &BTreeSet<PathBuf>| paths.iter().map(|p| p.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&there), names(&pages));
}

#[test]
fn the_documentation_names_every_sum_that_is_recorded() {
    let doc = std::fs::read_to_string(at("docs/metrics.md")).unwrap();
    let groups = list(&yaml("deploy/prometheus/rules.yaml")["groups"]);
    let recorded: Vec<String> = groups.iter().flat_map(|g| list(&g["rules"])).map(|r| text(&r["record"])).collect();
    assert!(recorded.len() >= 10);
    for name in recorded {
        assert!(doc.contains(&format!("`{name}`")), "docs/metrics.md lacks {name}");
    }
}

/// What stands in a page leads somewhere.
#[test]
fn links_of_runbook_pages_lead_to_files() {
    for entry in std::fs::read_dir(at("docs/runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        for target in page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            assert!(at("docs/runbooks").join(target).exists(), "{} names {target}", path.display());
        }
    }
}
