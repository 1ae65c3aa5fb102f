//! The page about all this names the tests that hold it true: each of them is there, and none is forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Everything that is written in a directory and below it.
fn texts(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path());
    entries.map(|path| if path.is_dir() { texts(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

/// The tests of a directory, by name.
fn tests_of(directory: &str) -> BTreeSet<String> {
    let texts = texts(&top().join("tests/tests").join(directory));
    let mut names = BTreeSet::new();
    for part in texts.split("test]\n").chain(texts.split("test(start_paused = true)]\n")).skip(1) {
        if let Some(rest) = part.strip_prefix("async fn ").or_else(|| part.strip_prefix("fn ")) {
            names.extend(rest.split('(').next().map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_test_that_the_page_names_is_there_and_every_fault_that_is_tested_is_on_the_page() {
    let page = fs::read_to_string(top().join("docs/control-stream.md")).unwrap();
    let words = page.split('`').skip(1).step_by(2);
    let is_test = |word: &&str| word.matches('_').count() >= 4 && !word.starts_with("sidegate_");
    let named: BTreeSet<String> = words.filter(is_test).map(str::to_owned).collect();
    let tests: BTreeSet<String> = ["control_stream", "programs"].into_iter().flat_map(tests_of).collect();
    assert!(tests.len() > 50 && named.len() > 20, "{} tests, {} named", tests.len(), named.len());
    assert_eq!(named.difference(&tests).collect::<Vec<_>>(), Vec::<&String>::new(), "named, and not there");
    let groups = ["cp", "sr", "po"];
    let of_a_fault = |name: &&String| {
        let number = groups.iter().find_map(|group| name.strip_prefix(group));
        number.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let forgotten: Vec<&String> = tests.difference(&named).filter(of_a_fault).collect();
    assert_eq!(forgotten, Vec::<&String>::new(), "there, and not named");
}
