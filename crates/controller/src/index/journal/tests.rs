//! What is told of changes, and what never is.

use serde_json::{Value, json};
use sidegate_telemetry::{Author, ChangeKind};

use super::{Change, differences};
use crate::index::Index;
use crate::prices::PriceBook;
use crate::problem::{Kind, ObjectName};
use crate::secret::{Secret, SecretValue};

fn index() -> Index {
    let mut index = Index::new("sidegate-system", PriceBook::empty(), [7; 32]);
    index.follow_changes();
    index
}

fn managed(entries: &[(&str, &str, &str)]) -> Value {
    let entry = |(manager, operation, time): &(&str, &str, &str)| json!({"manager": manager, "operation": operation, "time": format!("2026-11-20T10:00:{time}Z")});
    entries.iter().map(entry).collect()
}

fn apply(index: &mut Index, uid: &str, generation: i64, spec: Value, managers: &[(&str, &str, &str)]) -> Vec<Change> {
    let metadata = json!({"name": "checkout", "namespace": "shop", "uid": uid, "generation": generation,
                          "managedFields": managed(managers)});
    let object = json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIPolicy", "metadata": metadata, "spec": spec});
    index.apply_policy(&serde_json::from_value(object).unwrap());
    index.take_changes()
}

fn spec(allow: &str) -> Value {
    json!({"models": {"allow": [allow]}})
}

fn name() -> ObjectName {
    ObjectName::new(Kind::AiPolicy, "shop", "checkout")
}

fn words(changes: &[Change]) -> Vec<String> {
    let word = |c: &Change| format!("{} {} {}", c.what.as_str(), c.generation.unwrap_or(-1), c.fields.join(","));
    changes.iter().map(word).collect()
}

#[test]
fn an_object_that_comes_changes_and_goes_is_told_three_times() {
    let mut index = index();
    let created = apply(&mut index, "u", 1, spec("a"), &[("kubectl", "Apply", "01")]);
    assert_eq!(words(&created), ["created 1 "]);
    let changed = apply(&mut index, "u", 2, spec("b"), &[("kubectl", "Apply", "02")]);
    assert_eq!(words(&changed), ["changed 2 spec.models.allow"]);
    index.delete(&name());
    let gone = index.take_changes();
    assert_eq!((words(&gone), &gone[0].author, &*gone[0].uid), (vec!["deleted 2 ".to_owned()], &None, "u"));
    index.delete(&name());
    assert_eq!(index.take_changes(), []);
}

#[test]
fn the_same_generation_again_is_no_change() {
    let mut index = index();
    apply(&mut index, "u", 1, spec("a"), &[]);
    // As after each write of the status.
    assert_eq!(apply(&mut index, "u", 1, spec("a"), &[]), []);
}

#[test]
fn another_object_of_the_same_name_is_told_as_another() {
    let mut index = index();
    apply(&mut index, "u", 5, spec("a"), &[]);
    let changes = apply(&mut index, "v", 1, spec("a"), &[]);
    assert_eq!(words(&changes), ["deleted 5 ", "created 1 "]);
    assert_eq!((&*changes[0].uid, &*changes[1].uid), ("u", "v"));
}

#[test]
fn what_is_refused_says_why_and_what_stays_in_force() {
    let mut index = index();
    apply(&mut index, "u", 1, spec("a"), &[]);
    let bad = json!({"models": {"allow": ["a*b"]}});
    let refused = apply(&mut index, "u", 2, bad.clone(), &[("kubectl-edit", "Update", "02")]);
    assert_eq!((refused[0].what, refused[0].in_force), (ChangeKind::Refused, Some(1)));
    assert!(refused[0].refusals[0].starts_with("spec.models.allow"), "{:?}", refused[0].refusals);
    assert_eq!(refused[0].author.as_ref().map(|a| &*a.manager), Some("kubectl-edit"));
    assert_eq!(apply(&mut index, "u", 2, bad, &[]), [], "once");
    let mended = apply(&mut index, "u", 3, spec("b"), &[]);
    assert_eq!(words(&mended), ["changed 3 spec.models.allow"], "against what was in force");
}

#[test]
fn the_author_is_whoever_wrote_since_the_last_version() {
    let mut index = index();
    let who = |changes: Vec<Change>| {
        let author = changes[0].author.clone().unwrap();
        (author.manager.to_string(), author.operation.to_string())
    };
    let author = who(apply(&mut index, "u", 1, spec("a"), &[("helm", "Apply", "01")]));
    assert_eq!(author, ("helm".to_owned(), "Apply".to_owned()));
    let author =
        who(apply(&mut index, "u", 2, spec("b"), &[("helm", "Apply", "01"), ("kubectl-edit", "Update", "09")]));
    assert_eq!(author.0, "kubectl-edit");
    // helm takes it back within the second: its time is what is new.
    let author =
        who(apply(&mut index, "u", 3, spec("a"), &[("helm", "Apply", "09"), ("kubectl-edit", "Update", "09")]));
    assert_eq!(author.0, "helm");
    // Nobody's time is new, as for two writes of one manager within a second.
    let author = who(apply(&mut index, "u", 4, spec("c"), &[("helm", "Apply", "09"), ("old", "Update", "01")]));
    assert_eq!(author.0, "old", "a manager that was not there before");
    let author = who(apply(&mut index, "u", 5, spec("d"), &[("helm", "Apply", "09"), ("old", "Update", "01")]));
    assert_eq!(author.0, "helm", "else the last one");
}

#[test]
fn what_was_there_before_is_found_and_no_change() {
    let mut index = Index::new("sidegate-system", PriceBook::empty(), [7; 32]);
    assert_eq!(apply(&mut index, "u", 4, spec("a"), &[("kubectl", "Apply", "01")]), []);
    index.follow_changes();
    let found = index.found(&name()).unwrap();
    assert_eq!((words(std::slice::from_ref(&found)), index.objects()), (vec!["found 4 ".to_owned()], vec![name()]));
    assert_eq!(found.author.map(|a| a.manager), Some("kubectl".into()));
    apply(&mut index, "u", 5, json!({"models": {"allow": ["a*b"]}}), &[]);
    let found = index.found(&name()).unwrap();
    assert_eq!((found.what, found.in_force, found.refusals.len()), (ChangeKind::Refused, Some(4), 1));
}

fn secret(keys: &[(&str, &str)], hosts: Option<&str>) -> Secret {
    let value = |text: &str| SecretValue::read(text.as_bytes()).map(std::sync::Arc::new);
    Secret {
        namespace: "shop".into(),
        name: "openai".into(),
        hosts: hosts.map(Secret::hosts_of),
        keys: keys.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect(),
    }
}

#[test]
fn of_a_secret_the_names_of_keys_are_told_and_no_value() {
    let mut index = index();
    let author = Author { manager: "external-secrets".into(), operation: "Update".into(), at: None };
    let mut put = |keys: &[(&str, &str)], hosts| {
        index.apply_secret_by(secret(keys, hosts), vec![author.clone()]);
        let changes = index.take_changes();
        assert!(!format!("{changes:?}").contains("canary"), "{changes:?}");
        changes
    };
    assert_eq!(words(&put(&[("a", "canary-1"), ("b", "canary-2")], None)), ["found -1 "]);
    assert_eq!(put(&[("a", "canary-1"), ("b", "canary-2")], None), []);
    let rotated = put(&[("a", "canary-3"), ("b", "canary-2"), ("c", "canary 4")], Some("api.openai.com"));
    assert_eq!(words(&rotated), ["changed -1 data[a],data[c],metadata.annotations[sidegate.dev/hosts]"]);
    assert_eq!(rotated[0].author, Some(author.clone()));
    index.forget(&rotated[0].name);
    assert_eq!(index.take_changes(), [], "what no provider names any more was not deleted");
}

#[test]
fn paths_lead_to_what_differs_and_hold_no_value() {
    for (before, after, paths) in [
        (json!({"a": 1}), json!({"a": 1}), vec![]),
        (json!({"a": {"b": "x", "c": 1}}), json!({"a": {"b": "y", "c": 1}}), vec!["spec.a.b"]),
        (json!({}), json!({"a": {"b": 1}}), vec!["spec.a"]),
        (json!({"a": 1, "b": 2}), json!({"b": "2"}), vec!["spec.a", "spec.b"]),
        (json!({"l": [1, 2]}), json!({"l": [2, 1]}), vec!["spec.l"]),
        (
            json!({"l": [{"name": "x", "v": 1}, {"name": "y", "v": 1}, {"name": "z"}]}),
            json!({"l": [{"name": "w"}, {"name": "x", "v": 2}, {"name": "y", "v": 1}]}),
            vec!["spec.l[w]", "spec.l[x].v", "spec.l[z]"],
        ),
        (json!({"l": [{"name": "x"}, {"name": "y"}]}), json!({"l": [{"name": "y"}, {"name": "x"}]}), vec!["spec.l"]),
        (json!({"l": [{"name": "x"}, {"name": "x"}]}), json!({"l": [{"name": "x"}]}), vec!["spec.l"]),
    ] {
        assert_eq!(differences::between(&before.to_string(), &after.to_string()), paths, "{before} {after}");
    }
}

#[test]
fn many_paths_are_counted_and_few_are_kept() {
    let mut index = index();
    let routes = |model: &str| -> Value {
        let target = json!([{"provider": "p", "model": model}]);
        (0..20).map(|n| json!({"name": format!("r{n}"), "matches": [{"models": ["a"]}], "targets": target})).collect()
    };
    apply(&mut index, "u", 1, json!({"routes": routes("x")}), &[]);
    let changed = apply(&mut index, "u", 2, json!({"routes": routes("y")}), &[]);
    assert_eq!((changed[0].fields.len(), changed[0].more_fields), (16, 4));
    assert_eq!(changed[0].fields[0], "spec.routes[r0].targets");
}
