//! Recorded exchanges with real providers, replayed: every request is recognised, every answer passes
//! unchanged however it is cut, and the tokens that are read are the ones that the provider meant.
//!
//! `SIDEGATE_WIRE_CORPUS` names a folder of recordings (`<provider>/<case>/` with `meta.json`, perhaps
//! `request.json`, and `response.json` or `stream.sse`). Without it the project's own fixtures, written from
//! the providers' documentation, stand in. With `SIDEGATE_WRITE_DOCS=1` the table in `docs/conformance.md` is
//! written anew.

#[path = "corpus/case.rs"]
mod case;
#[path = "corpus/replay.rs"]
mod replay;
#[path = "corpus/table.rs"]
mod table;

use std::path::{Path, PathBuf};

use case::Case;
use table::Table;

#[expect(clippy::disallowed_methods, reason = "where the recordings are is the test's only configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn run(folder: &Path) -> (Table, Vec<String>) {
    let cases = Case::all(folder);
    let (mut table, mut failures) = (Table::default(), Vec::new());
    for case in &cases {
        table.note(case, &replay::replay(case), &mut failures);
    }
    (table, failures)
}

#[test]
fn own_fixtures_are_recognised_pass_unchanged_and_are_metered() {
    let (table, failures) = run(&root());
    println!("{table}");
    assert!(table.cases() >= 12, "the fixtures are missing");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn recorded_exchanges_are_recognised_pass_unchanged_and_are_metered() {
    let Some(folder) = variable("SIDEGATE_WIRE_CORPUS") else {
        println!("SIDEGATE_WIRE_CORPUS is not set: the project's own fixtures are all that was replayed");
        return;
    };
    let (table, failures) = run(Path::new(&folder));
    println!("{table}");
    if variable("SIDEGATE_WRITE_DOCS").is_some() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
        std::fs::write(page, table.page()).expect("the page can be written");
    }
    assert!(table.cases() > 0, "no recordings in {folder}");
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
