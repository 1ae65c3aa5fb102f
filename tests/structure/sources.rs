//! What holds for every source file: it says what it is, stays small, and is finished.

use std::path::{Path, PathBuf};

use super::root;

/// Lines of production code in one file.
const LONGEST: usize = 500;

struct Source {
    /// From the top of the checkout.
    path: PathBuf,
    text: String,
}

impl Source {
    /// A file of tests, or one that only tests use.
    fn is_test(&self) -> bool {
        self.path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
    }

    fn production_lines(&self) -> usize {
        self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
    }
}

/// Every Rust file under `crates`.
fn crates() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&root().join("crates"), &mut sources);
    assert!(sources.len() > 100, "only {} files found", sources.len());
    sources
}

fn collect(directory: &Path, into: &mut Vec<Source>) {
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            into.push(Source { path: path.strip_prefix(root()).expect("below the top").to_owned(), text });
        }
    }
}

fn paths(sources: impl Iterator<Item = Source>) -> Vec<PathBuf> {
    sources.map(|source| source.path).collect()
}

#[test]
fn every_module_says_first_what_it_is() {
    let silent = crates().into_iter().filter(|source| !source.is_test() && !source.text.starts_with("//!"));
    assert_eq!(paths(silent), Vec::<PathBuf>::new());
}

#[test]
fn no_file_is_too_long_to_read() {
    let long = crates().into_iter().filter(|source| !source.is_test() && source.production_lines() > LONGEST);
    assert_eq!(paths(long), Vec::<PathBuf>::new());
}

#[test]
fn nothing_is_left_unfinished_or_silenced() {
    // In two parts each, so that this file holds none of them.
    let marks =
        [["todo", "!("], ["unimplemented", "!("], ["[all", "ow("], ["#[ign", "ore"], ["FIX", "ME"], ["XX", "X"]];
    let marks = marks.map(|parts| parts.concat());
    // A measurement is run by hand on a quiet machine, and judges nothing.
    let measurement = marks[3].clone() + " = \"a measurement\"]";
    let judged = |source: &Source| source.text.replace(&measurement, "");
    let unfinished =
        crates().into_iter().filter(|source| marks.iter().any(|mark| judged(source).contains(mark.as_str())));
    assert_eq!(paths(unfinished), Vec::<PathBuf>::new());
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for entry in std::fs::read_dir(root().join("crates")).expect("the crates") {
        let manifest = entry.expect("a crate").path().join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).expect("its manifest");
        assert!(text.contains("[lints]\nworkspace = true"), "{}", manifest.display());
    }
}
