//! What an edit costs: work for the classes that it touches, and a push for nobody else.

use std::collections::BTreeSet;
use std::time::Duration;

use super::objects::{caller, index, merged, policy, policy_aged, provider, secret};
use serde_json::{Value, json};
use sidegate_controller::{
    Conflict, Index, KeyState, Kind, ObjectName, Overruled, Owned, OwnerKind, OwnerRef, PodFacts,
};
use sidegate_policy::Caller;
use tokio::time::Instant;

/// A pod of a Deployment, by way of a ReplicaSet that may or may not be known.
fn pod(namespace: &str, deployment: &str, number: usize) -> PodFacts {
    PodFacts {
        namespace: namespace.into(),
        name: format!("{deployment}-{number}").into(),
        uid: format!("{namespace}/{deployment}/{number}").into(),
        labels: [("app".to_owned(), deployment.to_owned())].into(),
        service_account: "default".into(),
        owner: Some(OwnerRef { kind: OwnerKind::ReplicaSet, name: format!("{deployment}-1").into(), uid: "r".into() }),
    }
}

fn replica_set(namespace: &str, deployment: &str) -> Owned {
    let above = OwnerRef { kind: OwnerKind::Deployment, name: deployment.into(), uid: "d".into() };
    Owned {
        namespace: namespace.into(),
        kind: OwnerKind::ReplicaSet,
        name: format!("{deployment}-1").into(),
        uid: "r".into(),
        owner: Some(above),
    }
}

fn at(deployment: &str, limit: usize) -> Value {
    let target = json!({"targetRefs": [{"kind": "Deployment", "name": deployment}]});
    merged(requests(limit), target)
}

fn requests(amount: usize) -> Value {
    json!({"limits": [{"name": "l", "per": [{"type": "Pod"}], "requests": amount, "window": "1m"}]})
}

/// Seats for one pod of each of these Deployments, in their order from 0.
fn seats(index: &mut Index, all: &[(&str, &str)]) {
    for (seat, (namespace, deployment)) in all.iter().enumerate() {
        let known = pod(namespace, deployment, 0);
        index.apply_owner(replica_set(namespace, deployment));
        let uid = known.uid.clone();
        index.apply_pod(known);
        let caller =
            Caller { namespace: (*namespace).into(), pod: format!("{deployment}-0").into(), ..Caller::default() };
        index.attend(seat as u64, &caller, &uid);
    }
    index.take_due();
}

fn due(index: &mut Index) -> Vec<u64> {
    index.take_due().into_iter().collect()
}

#[test]
fn an_edit_is_due_to_its_own_classes_and_to_nobody_else() {
    let mut index = index();
    index.apply_policy(&policy("shop", "own", requests(1)));
    index.apply_policy(&policy("shop", "checkout", at("checkout", 1)));
    index.apply_provider(provider("bank", "own", json!({"dialect": "OpenAI"})));
    seats(&mut index, &[("shop", "checkout"), ("shop", "pay"), ("bank", "checkout")]);
    index.apply_policy(&policy("shop", "checkout", at("checkout", 2)));
    assert_eq!(due(&mut index), [0]);
    index.apply_policy(&policy("shop", "checkout", at("pay", 2)));
    assert_eq!(due(&mut index), [0, 1], "one loses it, one gains it");
    index.apply_policy(&policy("shop", "own", requests(2)));
    assert_eq!(due(&mut index), [0, 1]);
    index.apply_policy(&policy("sidegate-system", "cluster", requests(2)));
    assert_eq!(due(&mut index), [0, 1, 2]);
    index.apply_provider(provider("bank", "own", json!({"dialect": "OpenAI", "region": "eu"})));
    assert_eq!(due(&mut index), [2]);
    index.apply_namespace("shop", [("tier".to_owned(), "gold".to_owned())].into());
    index.apply_secret(secret("shop", "nobodys", None, &[("k", "v")]));
    index.apply_policy(&policy("attic", "nobodys", requests(1)));
    assert_eq!(due(&mut index), [0; 0], "nothing of it is anybody's");
    index.delete(&ObjectName::new(Kind::AiPolicy, "shop", "own"));
    assert_eq!(due(&mut index), [0, 1]);
}

#[test]
fn a_pod_with_another_label_or_another_owner_is_another_caller() {
    let mut index = index();
    index.apply_policy(&policy(
        "shop",
        "web",
        merged(requests(1), json!({"podSelector": {"matchLabels": {"tier": "web"}}})),
    ));
    index.apply_policy(&policy("shop", "checkout", at("checkout", 1)));
    seats(&mut index, &[("shop", "checkout"), ("shop", "pay")]);
    let limits = |index: &mut Index, seat| index.effective_at(seat).expect("it sits").snapshot.snapshot.limits.len();
    assert_eq!((limits(&mut index, 0), limits(&mut index, 1)), (1, 0));
    let mut relabelled = pod("shop", "pay", 0);
    relabelled.labels.insert("tier".to_owned(), "web".to_owned());
    index.apply_pod(relabelled);
    assert_eq!((due(&mut index), limits(&mut index, 1)), (vec![1], 1));
    let gone = Owned::object_name(OwnerKind::ReplicaSet, "shop", "checkout-1");
    index.delete(&gone);
    assert_eq!((due(&mut index), limits(&mut index, 0)), (vec![0], 0));
    index.apply_owner(replica_set("shop", "checkout"));
    assert_eq!((due(&mut index), limits(&mut index, 0)), (vec![0], 1));
    let other = Owned { uid: "another".into(), ..replica_set("shop", "checkout") };
    index.apply_owner(other);
    assert_eq!(limits(&mut index, 0), 0, "a ReplicaSet of the same name is not the one that owns the pod");
}

#[test]
fn a_workload_is_the_topmost_owner_that_is_known() {
    let mut index = index();
    let of = |kind, name: &str| Some(OwnerRef { kind, name: name.into(), uid: "u".into() });
    let owned =
        |kind, name: &str, owner| Owned { namespace: "shop".into(), kind, name: name.into(), uid: "u".into(), owner };
    for (number, owner) in [
        of(OwnerKind::ReplicaSet, "web-1"),
        of(OwnerKind::StatefulSet, "db"),
        of(OwnerKind::DaemonSet, "agent"),
        of(OwnerKind::Job, "nightly-1"),
        None,
    ]
    .into_iter()
    .enumerate()
    {
        index.apply_pod(PodFacts { owner, ..pod("shop", "p", number) });
    }
    let workloads = |index: &Index| -> Vec<String> {
        let caller = |n| index.caller_of("shop", &format!("p-{n}"), &format!("shop/p/{n}"));
        (0..5).filter_map(caller).map(|c| c.workload.to_string()).collect()
    };
    assert_eq!(workloads(&index), ["", "statefulset/db", "daemonset/agent", "job/nightly-1", ""]);
    index.apply_owner(owned(OwnerKind::ReplicaSet, "web-1", of(OwnerKind::Deployment, "web")));
    index.apply_owner(owned(OwnerKind::Job, "nightly-1", of(OwnerKind::CronJob, "nightly")));
    assert_eq!(workloads(&index), ["deployment/web", "statefulset/db", "daemonset/agent", "cronjob/nightly", ""]);
    assert_eq!(index.caller_of("shop", "p-0", "of an older pod"), None);
    assert_eq!(OwnerKind::of("apps/v1", "Deployment"), Some(OwnerKind::Deployment));
    assert_eq!((OwnerKind::of("example.org/v1", "Deployment"), OwnerKind::of("v1", "Job")), (None, None));
}

#[test]
fn a_standing_says_what_status_needs() {
    let mut index = index();
    let route = |name: &str, target: &str| json!({"routes": [{"name": name, "matches": [{"models": ["m"]}], "targets": [{"provider": target}]}]});
    index.apply_policy(&policy_aged("shop", "first", 1, route("a", "p")));
    index.apply_policy(&policy_aged("shop", "second", 2, route("b", "nowhere")));
    let keyed = json!({"dialect": "OpenAI", "credentials": [
        {"name": "a", "secretRef": {"name": "s", "key": "k"}}, {"name": "b", "secretRef": {"name": "s", "key": "bad"}},
        {"name": "c", "secretRef": {"name": "t", "key": "k"}}]});
    index.apply_provider(provider("shop", "p", keyed));
    index.apply_secret(secret("shop", "s", None, &[("k", "canary"), ("bad", "two words")]));
    for number in 0..3 {
        index.apply_pod(pod("shop", "checkout", number));
        index.apply_pod(pod("bank", "checkout", number));
    }
    let name = |kind, name: &str| ObjectName::new(kind, "shop", name);
    let standing = index.standing(&name(Kind::AiPolicy, "second")).expect("it is there");
    assert_eq!((standing.generation, standing.in_force, standing.selected, standing.classes.len()), (1, Some(1), 3, 1));
    assert_eq!(standing.unresolved[0].message, "there is no AIProvider nowhere in namespace shop");
    let lost = Conflict {
        object: name(Kind::AiPolicy, "second"),
        field: "spec.routes[b]".into(),
        winner: name(Kind::AiPolicy, "first"),
        winner_field: "spec.routes[a]".into(),
        why: Overruled::Covered,
    };
    assert_eq!(standing.conflicts, [lost]);
    assert!(index.standing(&name(Kind::AiPolicy, "first")).is_some_and(|s| s.conflicts.is_empty()));

    let standing = index.standing(&name(Kind::AiProvider, "p")).expect("it is there");
    let states: Vec<KeyState> = standing.credentials.iter().map(|c| c.state).collect();
    assert_eq!(states, [KeyState::Ready, KeyState::Invalid, KeyState::Missing]);
    assert_eq!((standing.selected, standing.unresolved.len()), (3, 2));
    assert!(!format!("{standing:?}").contains("canary"));

    let mut bad = policy_aged("shop", "first", 1, json!({"models": {"allow": ["m*m"]}}));
    bad.metadata.generation = Some(2);
    index.apply_policy(&bad);
    let standing = index.standing(&name(Kind::AiPolicy, "first")).expect("it is there");
    assert_eq!((standing.generation, standing.in_force, standing.refusals.len()), (2, Some(1), 1));
    assert_eq!(index.standing(&name(Kind::AiPolicy, "nobody")), None);
}

#[test]
fn a_refused_object_does_not_keep_another_of_its_name_alive() {
    let mut index = index();
    index.apply_policy(&policy("shop", "p", requests(1)));
    let mut anew = policy("shop", "p", json!({"models": {"allow": ["m*m"]}}));
    anew.metadata.uid = Some("another".to_owned());
    index.apply_policy(&anew);
    assert_eq!(index.count(Kind::AiPolicy), 0, "the first one was deleted, whether or not anybody saw it");
    let standing = index.standing(&ObjectName::new(Kind::AiPolicy, "shop", "p")).expect("it is refused");
    assert_eq!((standing.in_force, &*standing.uid), (None, "another"));
}

#[test]
fn secrets_and_config_maps_are_wanted_by_name_as_long_as_a_provider_names_them() {
    let mut index = index();
    let spec = json!({"dialect": "OpenAI", "credentials": [{"name": "a", "secretRef": {"name": "s", "key": "k"}}],
                      "tls": {"caCertificateRefs": [{"kind": "ConfigMap", "name": "ca", "key": "k"}]}});
    index.apply_provider(provider("shop", "p", spec));
    let name = |name: &str| (("shop").into(), name.into());
    assert_eq!(index.wanted(), ([name("s")].into(), [name("ca")].into()));
    index.delete(&ObjectName::new(Kind::AiProvider, "shop", "p"));
    assert_eq!(index.wanted(), (BTreeSet::new(), BTreeSet::new()));
}

#[test]
fn ten_thousand_policies_over_ten_thousand_pods_cost_an_edit_no_more_than_its_ten_classes() {
    let mut index = index();
    let (spaces, deployments) = (100, 10);
    for space in 0..spaces {
        let namespace = format!("n{space}");
        index.apply_policy(&policy(&namespace, "own", requests(1)));
        for deployment in 0..deployments {
            let deployment = format!("d{deployment}");
            index.apply_owner(replica_set(&namespace, &deployment));
            for number in 0..10 {
                index.apply_pod(pod(&namespace, &deployment, number));
            }
            for number in 0..10 {
                index.apply_policy(&policy(&namespace, &format!("{deployment}-{number}"), at(&deployment, number + 1)));
            }
        }
    }
    assert_eq!(index.count(Kind::AiPolicy), 10_100);
    assert_eq!((index.count(Kind::Pod), index.classes().len()), (10_000, 1_000));
    for (seat, space) in (0..spaces).enumerate() {
        index.attend(
            seat as u64,
            &Caller { pod: "d3-4".into(), namespace: format!("n{space}").into(), ..Caller::default() },
            &format!("n{space}/d3/4"),
        );
    }
    for class in index.classes() {
        index.effective_of(class);
    }
    index.take_due();
    let began = Instant::now();
    for round in 0..20 {
        index.apply_policy(&policy("n7", "own", requests(round + 2)));
        assert_eq!(due(&mut index), [7]);
        for class in index.classes() {
            index.effective_of(class);
        }
    }
    let each = began.elapsed() / 20;
    // Ten milliseconds is the target of an optimised build, which the bench holds it to; this one is none.
    assert!(each <= Duration::from_millis(100), "{each:?}");
    assert!(index.effective(&caller("n7")).snapshot.snapshot.limits.len() == 1);
}
