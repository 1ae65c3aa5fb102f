//! The README's way from a question to a file leads somewhere.

use std::collections::BTreeSet;

use super::{read, root};

/// What stands at the top of the checkout and is named with a path.
const PLACES: [&str; 7] = ["crates/", "deploy/", "docs/", "examples/", "helm/", "proto/", "tests/"];

/// Every path that a Markdown text names: in backticks, or as the target of a link.
fn named(markdown: &str) -> BTreeSet<&str> {
    let in_backticks = markdown.split('`').skip(1).step_by(2);
    let linked = markdown.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let local = linked.filter(|target| !target.is_empty() && !target.contains("://"));
    in_backticks.filter(|text| PLACES.iter().any(|place| text.starts_with(place))).chain(local).collect()
}

#[test]
fn every_path_in_the_readme_exists() {
    let readme = read("README.md");
    let named = named(&readme);
    assert!(named.len() >= 20, "the table of questions and files is gone: {named:?}");
    let missing: Vec<&&str> = named.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "README.md names {missing:?}");
}

#[test]
fn a_path_is_found_in_backticks_and_in_links() {
    let found = named("see `crates/a.rs`, `make test`, [this](docs/b.md#part) and [that](https://example.com/c)");
    assert_eq!(found, BTreeSet::from(["crates/a.rs", "docs/b.md"]));
}
