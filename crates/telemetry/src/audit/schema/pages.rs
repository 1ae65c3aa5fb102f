//! The pages say what the description says; written anew where that is asked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sidegate_policy::{LostBecause, Meta, Operation, WhyLeft};

use super::fields::{OPERATIONS, WHY, sections};
use super::{Field, schema};
use crate::record::lost_because;
use crate::testing::meta;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Compares a page with what it should be, or makes it so.
fn hold(name: &str, wanted: &str) {
    #[expect(clippy::disallowed_methods, reason = "a test asks whether to write what it compares with")]
    let write = std::env::var("SIDEGATE_WRITE_DOCS").is_ok();
    if write {
        std::fs::write(page(name), wanted).unwrap();
    }
    let there = std::fs::read_to_string(page(name)).unwrap();
    assert!(
        there == wanted,
        "docs/{name} is not what the code says: SIDEGATE_WRITE_DOCS=1 cargo test -p sidegate-telemetry --lib audit"
    );
}

#[test]
fn the_json_schema_is_as_described() {
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    hold("audit.schema.json", &(text + "\n"));
}

#[test]
fn the_tables_of_the_documentation_are_as_described() {
    let mut text = std::fs::read_to_string(page("audit.md")).unwrap();
    for section in sections() {
        let head = format!("\n## {}\n", section.title);
        let (before, rest) = text.split_once(&head).unwrap_or_else(|| panic!("docs/audit.md lacks {head}"));
        let (intro, rest) = rest.split_once("\n| field |").unwrap_or_else(|| panic!("no table below {head}"));
        let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
        let after = if after.is_empty() { String::new() } else { format!("\n{after}") };
        text = format!("{before}{head}{intro}\n{}{after}", table(&section.fields));
    }
    hold("audit.md", &text);
}

fn table(fields: &[Field]) -> String {
    let row = |field: &Field| format!("| `{}` | {} | {} |\n", field.name, field.shape.word(), field.text);
    "| field | type | meaning |\n|---|---|---|\n".to_owned() + &fields.iter().map(row).collect::<String>()
}

/// The names that are described, each once.
fn described() -> BTreeSet<&'static str> {
    let fields: Vec<&str> = sections().iter().flat_map(|s| s.fields.iter().map(|f| f.name)).collect();
    let distinct: BTreeSet<&str> = fields.iter().copied().collect();
    assert_eq!(distinct.len(), fields.len(), "a name is described twice");
    distinct
}

#[test]
fn every_name_is_described_and_no_other() {
    let declared = ["audit", "change"].map(super::super::tests::declared_fields).concat();
    assert_eq!(described(), declared.iter().map(String::as_str).collect());
}

/// A new variant does not compile here before it has its word in the list.
#[test]
fn words_that_have_no_list_of_their_own_are_all_listed() {
    let rule: Meta = meta("spec.models.deny");
    for left in [
        WhyLeft::ProviderMissing,
        WhyLeft::NotAccessible,
        WhyLeft::NoCredential,
        WhyLeft::Denied(rule.clone()),
        WhyLeft::NotAllowed(rule),
        WhyLeft::OtherDialect,
        WhyLeft::Drained,
        WhyLeft::Suspended,
    ] {
        assert!(WHY.contains(&left.as_str()), "{left:?}");
        match left {
            WhyLeft::ProviderMissing | WhyLeft::NotAccessible | WhyLeft::NoCredential | WhyLeft::Denied(_) => {}
            WhyLeft::NotAllowed(_) | WhyLeft::OtherDialect | WhyLeft::Drained | WhyLeft::Suspended => {}
        }
    }
    for lost in [LostBecause::Outranked, LostBecause::HeaderMissing] {
        assert!(WHY.contains(&lost_because(lost)));
        match lost {
            LostBecause::Outranked | LostBecause::HeaderMissing => {}
        }
    }
    let operations = [
        Operation::ChatCompletions,
        Operation::Responses,
        Operation::InputTokens,
        Operation::Embeddings,
        Operation::Completions,
        Operation::Messages,
        Operation::CountTokens,
        Operation::GenerateContent,
        Operation::EmbedContent,
        Operation::BatchEmbedContents,
        Operation::ListModels,
        Operation::GetModel,
    ];
    assert_eq!(operations.map(Operation::as_str), OPERATIONS);
}
