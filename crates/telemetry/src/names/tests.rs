//! The names that are the conventions' are spelt as there; the rest is ours and says so.

mod shipped;

use std::collections::BTreeSet;

use sidegate_policy::{Dialect, Operation};

use super::{control, metric, otlp};
use crate::span::{operation_name, provider_name};

const LIST: &str = include_str!("conventions-1.41.txt");

fn listed(kind: &str) -> BTreeSet<String> {
    let entries = LIST.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(' '));
    entries.filter(|(k, _)| *k == kind).map(|(_, name)| name.to_owned()).collect()
}

/// The values of the constants in one module of `names.rs`.
fn emitted(module: &str) -> Vec<String> {
    let source = include_str!("../names.rs").split(&format!("pub mod {module} {{")).nth(1).unwrap();
    let source = source.split("\n}\n").next().unwrap();
    let consts = source.lines().filter(|l| l.contains(": &str = "));
    consts.map(|l| l.split('"').nth(1).unwrap().to_owned()).collect()
}

fn is_foreign(name: &str) -> bool {
    ["gen_ai", "server", "error", "http"].iter().any(|space| name.starts_with(space))
}

#[test]
fn attributes_are_the_conventions_or_ours() {
    let listed = listed("attribute");
    for name in emitted("attribute") {
        assert!(listed.contains(&name) || name.starts_with("sidegate."), "{name}");
    }
}

#[test]
fn a_resource_has_the_conventions_names_and_events_have_ours() {
    let listed = listed("resource");
    assert!(emitted("resource").iter().all(|name| listed.contains(name)));
    assert!(emitted("event").iter().all(|name| name.starts_with("sidegate.")));
}

#[test]
fn labels_of_the_conventions_are_their_attributes_with_underscores() {
    let listed: BTreeSet<String> = listed("attribute").into_iter().map(|n| n.replace('.', "_")).collect();
    for name in emitted("label").into_iter().filter(|n| is_foreign(n)) {
        assert!(listed.contains(&name), "{name}");
    }
}

#[test]
fn metrics_are_the_conventions_with_underscores_and_unit_or_ours() {
    let prometheus = |entry: String| {
        let (name, unit) = entry.split_once(' ').unwrap();
        // Prometheus' naming: seconds are spelt out, a unit in braces is left out.
        name.replace('.', "_") + if unit == "s" { "_seconds" } else { "" }
    };
    let listed: BTreeSet<String> = listed("metric").into_iter().map(prometheus).collect();
    for name in metric::ALL {
        assert!(listed.contains(name) || name.starts_with("sidegate_"), "{name}");
    }
    assert_eq!(emitted("metric"), metric::ALL, "every name is in the list of all");
}

#[test]
fn the_control_planes_metrics_say_whose_they_are_and_are_all_listed() {
    let source = include_str!("control.rs").split("pub mod label").next().unwrap();
    let named: Vec<&str> =
        source.lines().filter(|l| l.contains(": &str = ")).filter_map(|l| l.split('"').nth(1)).collect();
    assert_eq!(named, control::metric::ALL);
    assert!(named.iter().all(|name| name.starts_with("sidegate_control_") && !metric::ALL.contains(name)));
}

#[test]
fn attributes_of_the_control_planes_spans_are_ours_and_none_is_a_namespace_or_another_of_the_sidecars() {
    let source = include_str!("control.rs").split("pub mod attribute").nth(1).unwrap();
    let names: Vec<&str> =
        source.lines().filter(|l| l.contains(": &str = ")).filter_map(|l| l.split('"').nth(1)).collect();
    assert!(names.len() > 5 && names.iter().all(|name| name.starts_with("sidegate.")));
    let all: Vec<String> = emitted("attribute").into_iter().chain(names.iter().map(ToString::to_string)).collect();
    for name in names {
        assert_eq!(all.iter().filter(|other| *other == name).count(), 1, "{name}");
        let below = format!("{name}.");
        assert_eq!(all.iter().find(|other| other.starts_with(&below)), None, "{name}");
    }
}

#[test]
fn in_otlp_the_conventions_are_spelt_as_there_and_all_of_them_are() {
    let listed = (listed("metric"), listed("attribute"));
    for (ours, name, unit) in otlp::METRICS {
        assert!(metric::ALL.contains(&ours) && listed.0.contains(&format!("{name} {unit}")), "{name}");
    }
    assert_eq!(otlp::METRICS.len(), metric::ALL.iter().filter(|name| is_foreign(name)).count());
    for (label, name) in otlp::ATTRIBUTES {
        assert_eq!(label, name.replace('.', "_"));
        assert!(listed.1.contains(name) || name.starts_with("sidegate."), "{name}");
    }
    let foreign = emitted("label").into_iter().filter(|name| is_foreign(name));
    for label in foreign {
        assert!(otlp::ATTRIBUTES.iter().any(|(of, _)| *of == label), "{label}");
    }
}

#[test]
fn operations_and_providers_have_the_conventions_words_where_there_are_some() {
    let ours = ["count_tokens", "list_models", "get_model"];
    let operations = listed("operation");
    for operation in [
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
    ] {
        let name = operation_name(operation);
        assert!(operations.contains(name) || ours.contains(&name), "{name}");
        assert_eq!(ours.contains(&name), !operation.is_billed(), "{name}");
    }
    for dialect in Dialect::ALL {
        assert!(listed("provider").contains(provider_name(dialect)));
    }
}

#[test]
fn no_attribute_is_a_namespace_of_another() {
    // A back-end that takes dots for a tree would lose one of the two.
    let names = emitted("attribute");
    for name in &names {
        let below = format!("{name}.");
        assert_eq!(names.iter().find(|other| other.starts_with(&below)), None, "{name}");
    }
}

#[test]
fn no_name_is_emitted_twice() {
    for module in ["metric", "label", "attribute", "resource", "event", "audit", "change"] {
        let names = emitted(module);
        let distinct: BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{module}");
    }
}
