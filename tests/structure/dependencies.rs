//! The direction of dependencies: which of the project's crates each one may know, and what it must never
//! bring along, directly or through others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::cargo;

/// One row of the table.
struct Row {
    name: &'static str,
    /// The project's crates that it may depend on.
    may: &'static [&'static str],
    /// Packages outside the project that it may depend on; all of them where there is no list.
    only: Option<&'static [&'static str]>,
    /// Packages that it must not name.
    never: &'static [&'static str],
    /// Packages that must not come in through others either.
    never_at_all: &'static [&'static str],
}

const ANY: Row = Row { name: "", may: &[], only: None, never: &[], never_at_all: &[] };

const TABLE: [Row; 10] = [
    Row {
        name: "policy",
        only: Some(&["serde", "thiserror", "jiff"]),
        never_at_all: &["tokio", "http", "hyper", "kube", "tonic"],
        ..ANY
    },
    Row { name: "dialects", may: &["policy"], never_at_all: &["tokio", "hyper", "kube"], ..ANY },
    Row { name: "ledger", may: &["policy"], only: Some(&[]), never_at_all: &["tokio", "hyper", "rand"], ..ANY },
    // tonic brings hyper; the conversions have no business with it.
    Row { name: "wire", may: &["policy", "ledger"], never: &["hyper", "http"], never_at_all: &["kube"], ..ANY },
    Row { name: "crds", may: &["policy"], never_at_all: &["tokio", "tonic", "hyper"], ..ANY },
    Row { name: "telemetry", may: &["policy"], never_at_all: &["kube", "tonic"], ..ANY },
    Row {
        name: "proxy",
        may: &["policy", "dialects", "ledger", "wire", "telemetry"],
        // Its sender is its own: the exporters of opentelemetry-otlp cannot carry what it counts.
        never_at_all: &[
            "kube",
            "kube-core",
            "k8s-openapi",
            "opentelemetry-otlp",
            "sidegate-crds",
            "sidegate-controller",
            "sidegate-testkit",
        ],
        ..ANY
    },
    Row {
        name: "controller",
        may: &["policy", "ledger", "crds", "wire", "telemetry"],
        never_at_all: &["sidegate-dialects", "sidegate-proxy", "sidegate-testkit"],
        ..ANY
    },
    Row {
        name: "cli",
        may: &["policy", "dialects", "ledger", "wire", "crds", "telemetry", "proxy", "controller", "testkit"],
        ..ANY
    },
    // The oracle of tests learns nothing from what it judges.
    Row { name: "testkit", never_at_all: &["sidegate-dialects", "sidegate-proxy", "sidegate-controller"], ..ANY },
];

/// A crate's normal dependencies, by name.
fn normal_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--offline", "--locked", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().expect("cargo metadata lists dependencies");
        all.iter().filter(|d| d["kind"].is_null()).map(|d| text(&d["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), dependencies(package))).collect()
}

/// All that is built into a crate, on this machine.
fn closure(package: &str) -> BTreeSet<String> {
    let tree = cargo(&["tree", "--locked", "-p", package, "-e", "normal", "--prefix", "none"]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn a_crate_depends_on_those_below_it_only() {
    let dependencies = normal_dependencies();
    for row in &TABLE {
        for dependency in &dependencies[&format!("sidegate-{}", row.name)] {
            let allowed = match dependency.strip_prefix("sidegate-") {
                Some(ours) => row.may.contains(&ours),
                None => row.only.is_none_or(|only| only.contains(&dependency.as_str())),
            };
            assert!(allowed, "crates/{}/Cargo.toml: {dependency} is not for this crate", row.name);
            assert!(!row.never.contains(&dependency.as_str()), "{} must not name {dependency}", row.name);
        }
    }
}

#[test]
fn a_crate_does_not_bring_along_what_it_must_never_know() {
    for row in &TABLE {
        let closure = closure(&format!("sidegate-{}", row.name));
        assert!(closure.contains(&format!("sidegate-{}", row.name)), "the tree of {} is empty", row.name);
        for package in row.never_at_all {
            assert!(!closure.contains(*package), "{package} is built into sidegate-{}", row.name);
        }
    }
}

#[test]
fn every_crate_has_its_row() {
    let rows: BTreeSet<String> = TABLE.iter().map(|row| format!("sidegate-{}", row.name)).collect();
    let for_tests = ["sidegate-tests", "sidegate-bench", "sidegate-kube", "sidegate-scale", "sidegate-structure"];
    let crates: BTreeSet<String> =
        normal_dependencies().into_keys().filter(|name| !for_tests.contains(&name.as_str())).collect();
    assert_eq!(rows, crates);
}
