//! The table in `docs/faults.md` names the tests that there are, all of them, and has every row.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The last row of each group.
const GROUPS: [(&str, u32); 8] =
    [("BC", 18), ("HU", 22), ("CD", 8), ("CP", 15), ("PO", 12), ("SR", 5), ("KA", 8), ("OT", 5)];

/// Rows of groups of which not all are here.
const ALONE: [&str; 2] = ["OV9", "SE2"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(dir: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.extend(fs::read_to_string(&path));
        }
    }
}

/// Whether a name begins with a row's, as `hu6_` does.
fn is_of_a_row(name: &str) -> bool {
    let row = name.split('_').next().unwrap_or_default();
    let in_group = GROUPS.iter().any(|(group, last)| {
        let number = row.strip_prefix(&group.to_lowercase()).and_then(|n| n.parse::<u32>().ok());
        number.is_some_and(|n| (1..=*last).contains(&n))
    });
    in_group || ALONE.iter().any(|alone| alone.to_lowercase() == row)
}

/// Tests with the name of a row.
fn tests() -> BTreeSet<String> {
    let mut all = Vec::new();
    for directory in ["tests/tests", "tests/kube/tests", "crates/controller/tests"] {
        sources(&root().join(directory), &mut all);
    }
    let after_test = all.iter().flat_map(|text| text.split("#[tokio::test").skip(1));
    let names = after_test.filter_map(|text| text.split_once("async fn ")?.1.split_once('(')).map(|(name, _)| name);
    names.filter(|name| is_of_a_row(name)).map(str::to_owned).collect()
}

fn table() -> String {
    fs::read_to_string(root().join("docs/faults.md")).unwrap_or_default()
}

/// The names of tests in the table, with the row that they stand in.
fn named() -> Vec<(String, String)> {
    let mut named = Vec::new();
    for line in table().lines().filter(|line| line.starts_with("| ")) {
        let row = line.trim_start_matches("| ").split(' ').next().unwrap_or_default().to_lowercase();
        let quoted = line.split('`').skip(1).step_by(2).filter(|name| is_of_a_row(name));
        named.extend(quoted.map(|name| (row.clone(), name.to_owned())));
    }
    named
}

#[test]
fn every_test_that_is_named_exists() {
    let tests = tests();
    let missing: Vec<_> = named().into_iter().filter(|(_, name)| !tests.contains(name)).collect();
    assert!(missing.is_empty(), "docs/faults.md names tests that do not exist: {missing:?}");
}

#[test]
fn every_test_stands_in_the_row_of_its_name() {
    let named = named();
    let astray: Vec<_> = named.iter().filter(|(row, name)| !name.starts_with(&format!("{row}_"))).collect();
    assert!(astray.is_empty(), "{astray:?}");
    let told: BTreeSet<&String> = named.iter().map(|(_, name)| name).collect();
    let untold: Vec<String> = tests().into_iter().filter(|name| !told.contains(name)).collect();
    assert!(untold.is_empty(), "not in docs/faults.md: {untold:?}");
}

#[test]
fn every_row_has_a_test_or_waits_with_a_reason() {
    let (table, named) = (table(), named());
    let waits = table.split_once("## What waits").map(|(_, rest)| rest).unwrap_or_default();
    let in_groups = GROUPS.iter().flat_map(|(group, last)| (1..=*last).map(move |n| format!("{group}{n}")));
    for row in in_groups.chain(ALONE.map(str::to_owned)) {
        let tested = named.iter().any(|(of, _)| *of == row.to_lowercase());
        assert!(tested || waits.contains(&format!("| {row} |")), "{row} is neither tested nor said to wait");
    }
}
