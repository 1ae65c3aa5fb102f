//! What is shipped for Prometheus and Grafana asks for what is emitted: no metric, label or class is misspelt there, also
//! where a query goes on without an answer (`… or vector(0)`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use sidegate_policy::Class;

const SIDECAR: &str = include_str!("../../names.rs");
const CONTROL: &str = include_str!("../control.rs");

/// Labels that a scraper adds of its own accord, over those of the same name.
const SCRAPERS: [&str; 8] = ["namespace", "pod", "container", "node", "service", "endpoint", "instance", "job"];

/// Where each file is and what it says.
fn texts(directory: &str) -> Vec<(PathBuf, String)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(directory);
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<(PathBuf, String)> = paths.map(|p| (p.clone(), std::fs::read_to_string(p).unwrap())).collect();
    assert!(texts.len() >= 3);
    texts
}

/// The rules, alerts and their tests, and the dashboards, with quotes as a query has them.
fn queries() -> Vec<(PathBuf, String)> {
    let dashboards = texts("deploy/grafana").into_iter().map(|(path, text)| (path, text.replace("\\\"", "\"")));
    texts("deploy/prometheus").into_iter().chain(dashboards).collect()
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_a_name(c)).map(|word| word.trim_end_matches(':')).filter(|word| !word.is_empty())
}

/// The part of a source that is one of its modules.
fn module<'a>(source: &'a str, name: &str) -> &'a str {
    source.split(&format!("pub mod {name} {{")).nth(1).unwrap().split("\n}\n").next().unwrap()
}

/// The value of each constant of a module, with the first word that is said of it.
fn constants<'a>(source: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let (mut said, mut constants) = ("", Vec::new());
    for line in module(source, name).lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            said = if said.is_empty() { words(doc).next().unwrap_or_default() } else { said };
        } else if line.contains(": &str = ") {
            constants.push((line.split('"').nth(1).unwrap(), std::mem::take(&mut said)));
        } else {
            said = "";
        }
    }
    constants
}

fn labels() -> BTreeSet<&'static str> {
    [SIDECAR, CONTROL].iter().flat_map(|source| constants(source, "label")).map(|(name, _)| name).collect()
}

/// Every name as a scraper knows it, classic or native.
fn scraped() -> BTreeSet<String> {
    let spelt = |(name, kind): (&str, &str)| match kind {
        "Counter" => vec![format!("{name}_total")],
        "Gauge" => vec![name.to_owned()],
        "Histogram" => ["", "_bucket", "_sum", "_count"].iter().map(|end| format!("{name}{end}")).collect(),
        other => panic!("{name} is a {other}"),
    };
    [SIDECAR, CONTROL].iter().flat_map(|source| constants(source, "metric")).flat_map(spelt).collect()
}

fn recorded() -> BTreeSet<String> {
    let rules = texts("deploy/prometheus");
    let lines = rules.iter().flat_map(|(_, text)| text.lines());
    lines.filter_map(|line| line.trim().strip_prefix("- record: ")).map(str::to_owned).collect()
}

/// Each label that is compared, with what it is compared with.
fn compared(query: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (at, quote) in query.match_indices('"') {
        let before = query[..at].trim_end_matches(['=', '!', '~']);
        let label = &before[before.rfind(|c| !is_of_a_name(c)).map_or(0, |end| end + 1)..];
        if before.len() < at && !label.is_empty() {
            found.extend(query[at..].split(quote).nth(1).map(|value| (label, value)));
        }
    }
    found
}

/// Each label that sums and joins keep.
fn kept(query: &str) -> Vec<&str> {
    let lists = ["by (", "on (", "group_left ("].into_iter().flat_map(|word| query.split(word).skip(1));
    lists
        .filter_map(|rest| rest.split(')').next())
        .flat_map(|list| list.split(", "))
        .filter(|l| !l.is_empty())
        .collect()
}

#[test]
fn every_metric_that_is_asked_for_is_emitted_or_recorded() {
    let (scraped, recorded, labels) = (scraped(), recorded(), labels());
    assert!(recorded.len() >= 15 && scraped.contains("sidegate_calls_total"), "{recorded:?}");
    let mut asked = 0;
    for (path, text) in queries().into_iter().chain(texts("docs/runbooks")) {
        let ours =
            |word: &&str| word.starts_with("sidegate_") || word.starts_with("sidegate:") || word.starts_with("gen_ai_");
        for word in words(&text).filter(ours).filter(|word| !labels.contains(word)) {
            assert!(scraped.contains(word) || recorded.contains(word), "{}: there is no {word}", path.display());
            asked += 1;
        }
    }
    assert!(asked >= 300, "{asked}");
}

#[test]
fn every_label_that_is_asked_for_is_emitted_or_the_scrapers() {
    let mut known = labels();
    known.extend(["instance", "job", "le"]);
    let mut asked = 0;
    for (path, text) in queries() {
        for label in compared(&text).into_iter().map(|(label, _)| label).chain(kept(&text)) {
            assert!(known.contains(label), "{}: there is no label {label}", path.display());
            asked += 1;
        }
    }
    assert!(asked >= 300, "{asked}");
}

#[test]
fn every_class_that_is_asked_for_is_in_the_vocabulary() {
    let mut known: BTreeSet<&str> = Class::ALL.iter().map(|class| class.as_str()).collect();
    // Of attempts: a success, and one whose caller left.
    known.extend(["", "client_cancelled"]);
    for (path, text) in queries() {
        for (_, value) in compared(&text).into_iter().filter(|(label, _)| *label == "class") {
            assert!(value.split('|').all(|class| known.contains(class)), "{}: {value}", path.display());
        }
    }
}

/// Whether a call of this class got an error that was not its own, and that nobody meant it to get.
fn is_failure(class: Class) -> bool {
    match class {
        Class::ProviderTransient
        | Class::ProviderQuota
        | Class::ProviderAuth
        | Class::UpstreamTimeout
        | Class::Truncated
        | Class::ControlPlaneUnavailable
        | Class::GatewayInternal => true,
        Class::ProviderInvalid
        | Class::RequestInvalid
        | Class::PolicyDenied
        | Class::ModelNotAllowed
        | Class::RateLimited
        | Class::BudgetExhausted
        | Class::UnpricedModel
        | Class::GuardBlocked
        | Class::LoopDetected => false,
    }
}

#[test]
fn failed_calls_are_the_same_wherever_they_are_counted_and_of_the_classes_that_are_failures() {
    let failures = Class::ALL.into_iter().filter(|class| is_failure(*class)).map(Class::as_str);
    let expected: BTreeSet<&str> = failures.collect();
    let mut places = 0;
    for (path, text) in queries() {
        let compared = compared(&text).into_iter();
        let lists = compared
            .filter(|(label, list)| *label == "class" && list.contains('|') && list.contains("gateway_internal"));
        for (_, list) in lists {
            assert_eq!(list.split('|').collect::<BTreeSet<_>>(), expected, "{}", path.display());
            places += 1;
        }
    }
    // Four windows in the rules, one panel of the overview.
    assert_eq!(places, 5);
}

#[test]
fn no_label_is_one_that_a_scraper_would_push_aside() {
    assert_eq!(labels().into_iter().filter(|label| SCRAPERS.contains(label)).collect::<Vec<_>>(), [""; 0]);
}
