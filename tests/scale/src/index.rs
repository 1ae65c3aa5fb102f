//! The index alone: 10,000 policies over 10,000 pods in 1,000 classes, and edits that touch ten classes.

use serde_json::{Value, json};
use sidegate_controller::prices::PriceBook;
use sidegate_controller::{Index, Kind, OwnerKind, OwnerRef, PodFacts};
use sidegate_crds::{AIPolicy, AIProvider};
use tokio::time::Instant;

const NAMESPACES: usize = 100;
const DEPLOYMENTS: usize = 10;
const PODS: usize = 10;
const EDITS: usize = 500;

/// Milliseconds from an edit to the effective policies of all that it touches, encoded.
pub fn measure() -> Value {
    let prices = PriceBook::of(jiff::civil::date(2026, 11, 21)).unwrap_or_else(|_| PriceBook::empty());
    let mut index = Index::new("sidegate-system", prices, [0; 32]);
    fill(&mut index);
    let work_out = |index: &mut Index| {
        let before = index.classes().len();
        index.classes().into_iter().for_each(|class| drop(index.effective_of(class)));
        before
    };
    let classes = work_out(&mut index);
    let mut all: Vec<f64> = (0..EDITS)
        .map(|edit| {
            let object = policy(&format!("n{}", edit % NAMESPACES), "own", edit + 1, json!({}));
            let began = Instant::now();
            index.apply_policy(&object);
            index.take_due();
            work_out(&mut index);
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    all.sort_by(f64::total_cmp);
    json!({
        "policies": index.count(Kind::AiPolicy), "pods": index.count(Kind::Pod), "classes": classes,
        "p50": all[EDITS / 2], "p99": all[EDITS * 99 / 100], "most": all[EDITS - 1],
    })
}

fn fill(index: &mut Index) {
    index.apply_provider(provider());
    for namespace in (0..NAMESPACES).map(|n| format!("n{n}")) {
        index.apply_policy(&policy(&namespace, "own", 1, json!({})));
        for deployment in (0..DEPLOYMENTS).map(|d| format!("d{d}")) {
            for number in 0..PODS {
                index.apply_pod(pod(&namespace, &deployment, number));
                let target = json!({"targetRefs": [{"kind": "StatefulSet", "name": deployment}]});
                index.apply_policy(&policy(&namespace, &format!("{deployment}-{number}"), 1, target));
            }
        }
    }
}

fn pod(namespace: &str, workload: &str, number: usize) -> PodFacts {
    PodFacts {
        namespace: namespace.into(),
        name: format!("{workload}-{number}").into(),
        uid: format!("{namespace}/{workload}/{number}").into(),
        labels: [("app".to_owned(), workload.to_owned())].into(),
        service_account: "default".into(),
        owner: Some(OwnerRef { kind: OwnerKind::StatefulSet, name: workload.into(), uid: "u".into() }),
    }
}

fn policy(namespace: &str, name: &str, amount: usize, more: Value) -> AIPolicy {
    let mut spec = json!({
        "models": {"deny": [format!("m{amount}")]},
        "routes": [{"name": "fast", "matches": [{"models": ["fast"]}],
                    "targets": [{"provider": "openai", "namespace": "sidegate-system", "model": "gpt-4o-mini"}]}],
        "limits": [{"name": "burst", "per": [{"type": "Pod"}], "requests": amount, "window": "1m"}],
    });
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    object("AIPolicy", namespace, name, &spec)
}

fn provider() -> AIProvider {
    let spec = json!({"dialect": "OpenAI", "access": {"namespaces": {"from": "All"}}});
    object("AIProvider", "sidegate-system", "openai", &spec)
}

#[expect(clippy::expect_used, reason = "the objects are written above, and a mistake in them is one in here")]
fn object<T: serde::de::DeserializeOwned>(kind: &str, namespace: &str, name: &str, spec: &Value) -> T {
    let metadata = json!({"namespace": namespace, "name": name, "uid": format!("{namespace}/{name}")});
    let object = json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    serde_json::from_value(object).expect("has the shape of its kind")
}
