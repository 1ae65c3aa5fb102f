//! Files that are named one by one.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::Files;
use crate::index::Index;
use crate::prices::PriceBook;
use crate::problem::{Kind, Severity};
use crate::source::files::{LARGEST_FILE, Unreadable};

fn policy(name: &str) -> String {
    format!(
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{}}\n"
    )
}

fn written(files: &[(&str, &str)]) -> (TempDir, Vec<PathBuf>) {
    let directory = TempDir::new().unwrap();
    let write = |(name, text): &(&str, &str)| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let paths = files.iter().map(write).collect();
    (directory, paths)
}

fn names(files: &Files) -> Vec<&str> {
    files.listing().objects.iter().map(|(name, _)| &*name.name).collect()
}

#[test]
fn files_of_any_name_directories_and_what_is_piped_in_are_one_listing() {
    let (directory, paths) = written(&[("objects.txt", &policy("named"))]);
    let below = directory.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("a.yaml"), policy("listed")).unwrap();
    fs::write(below.join("a.txt"), policy("not-listed")).unwrap();
    let files = Files::once(&[paths[0].clone(), below], Some(&policy("piped"))).unwrap();
    assert_eq!(names(&files), ["listed", "named", "piped"]);
    let mut index = Index::new("sidegate-system", PriceBook::empty(), [1; 32]);
    files.apply_to(&mut index);
    assert_eq!(index.count(Kind::AiPolicy), 3);
}

#[test]
fn a_file_that_is_not_there_ends_it() {
    let Err(error) = Files::once(&[PathBuf::from("nowhere.yaml")], None) else { panic!("it is not there") };
    assert!(matches!(&error, Unreadable::Path(path, _) if path == "nowhere.yaml"), "{error}");
}

#[test]
fn too_large_a_text_is_a_problem_of_its_own() {
    let comment = format!("# {}\n", "x".repeat(usize::try_from(LARGEST_FILE).unwrap()));
    let files = Files::once(&[], Some(&comment)).unwrap();
    let problems = &files.listing().problems;
    assert!(problems.len() == 1 && problems[0].to_string().starts_with("stdin: is larger than"), "{problems:?}");
}

#[test]
fn a_list_is_an_error_because_its_items_would_be_missed() {
    let files = Files::once(&[], Some("apiVersion: v1\nkind: List\nitems: []\n")).unwrap();
    let problems = &files.listing().problems;
    assert!(problems[0].severity == Severity::Error && problems[0].reason.contains("parted by ---"), "{problems:?}");
}

#[test]
fn an_object_of_our_group_that_is_not_read_is_an_error_and_of_another_a_warning() {
    let ours = "apiVersion: sidegate.dev/v1beta1\nkind: AIPolicy\nmetadata: {name: a}\n";
    let other = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n";
    let files = Files::once(&[], Some(&format!("{ours}---\n{other}"))).unwrap();
    let found: Vec<Severity> = files.listing().problems.iter().map(|problem| problem.severity).collect();
    assert_eq!(found, [Severity::Error, Severity::Warning]);
}
