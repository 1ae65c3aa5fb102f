//! A real Prometheus scrapes a real sidecar and a real control plane under traffic of every kind: every query of every
//! dashboard and every recording rule has data, with classic histograms and with native ones.

mod dashboards;
mod prometheus;
mod traffic;

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use self::prometheus::Prometheus;
use self::traffic::Traffic;
use crate::world::World;

/// Until every query has data, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks each until it has an answer with a number in it; those that have none in the end, with what was said.
async fn without_data(prometheus: &Prometheus, mut queries: Vec<String>) -> Vec<(String, String)> {
    let began = Instant::now();
    loop {
        let (mut left, mut said) = (Vec::new(), Vec::new());
        for query in queries {
            let answer = prometheus.query(&query).await;
            if !has_number(&answer) {
                said.push((query.clone(), answer.to_string()));
                left.push(query);
            }
        }
        if left.is_empty() || began.elapsed() > PATIENCE {
            return said;
        }
        queries = left;
        sleep(Duration::from_millis(500)).await;
    }
}

/// Whether one of the values is a number and not NaN.
fn has_number(answer: &Value) -> bool {
    let results = answer["data"]["result"].as_array();
    let number = |value: &Value| value[1].as_str().and_then(|v| v.parse::<f64>().ok()).is_some_and(f64::is_finite);
    results.is_some_and(|all| all.iter().any(|one| number(&one["value"])))
}

#[tokio::test]
async fn every_query_of_every_dashboard_and_every_rule_has_data_from_real_traffic() {
    let world = World::start().await;
    let traffic = Traffic::start(&world).await;
    let targets = [world.sidecar_health, world.health];
    let prometheus = Prometheus::start(world.directory.path(), "classic", "exemplar-storage", &targets).await;

    let queries = dashboards::queries();
    assert!(queries.len() >= 75, "{}", queries.len());
    let missing = without_data(&prometheus, queries).await;
    assert!(missing.is_empty(), "{missing:#?}\n{}", prometheus.said());

    for (metric, label) in dashboards::variables() {
        let values = prometheus.get(&format!("/api/v1/label/{label}/values?match[]={metric}")).await;
        assert!(!values["data"].as_array().unwrap().is_empty(), "{metric} {label}: {values}");
    }

    let rules = prometheus.rules().await;
    let recorded: Vec<String> = rules.iter().filter(|r| r["type"] == "recording").map(name).collect();
    assert!(recorded.len() >= 10 && rules.len() >= 26, "{}", rules.len());
    assert!(rules.iter().all(|rule| rule["health"] == "ok"), "{rules:#?}");
    let missing = without_data(&prometheus, recorded).await;
    assert!(missing.is_empty(), "{missing:#?}");

    let trace = traffic.trace_id();
    let exemplars = prometheus.exemplars("gen_ai_client_operation_duration_seconds_bucket").await;
    assert!(exemplars.to_string().contains(&trace), "no exemplar of {trace}: {exemplars}");
    traffic.went_well();
}

#[tokio::test]
async fn a_prometheus_with_native_histograms_gets_them_and_draws_the_same_dashboards() {
    let world = World::start().await;
    let traffic = Traffic::start(&world).await;
    let targets = [world.sidecar_health, world.health];
    let features = "exemplar-storage,native-histograms";
    let prometheus = Prometheus::start(world.directory.path(), "native", features, &targets).await;

    let native = "histogram_count(sum(rate(gen_ai_client_operation_duration_seconds[10s]))) > 0";
    let missing = without_data(&prometheus, vec![native.to_owned()]).await;
    assert!(missing.is_empty(), "{missing:#?}\n{}", prometheus.said());
    let classic = prometheus.query("gen_ai_client_operation_duration_seconds_bucket").await;
    assert_eq!(classic["data"]["result"].as_array().unwrap().len(), 0, "they came as native ones: {classic}");

    let missing = without_data(&prometheus, dashboards::queries()).await;
    assert!(missing.is_empty(), "{missing:#?}\n{}", prometheus.said());

    let trace = traffic.trace_id();
    let exemplars = prometheus.exemplars("gen_ai_client_operation_duration_seconds").await;
    assert!(exemplars.to_string().contains(&trace), "no exemplar of {trace}: {exemplars}");
    traffic.went_well();
}

fn name(rule: &Value) -> String {
    rule["name"].as_str().unwrap().to_owned()
}
