//! The queries of the dashboards, with what Grafana would put in for its variables.

use std::path::Path;

use serde_json::Value;

fn dashboards() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/grafana");
    let read = |path: std::path::PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let dashboards: Vec<Value> =
        std::fs::read_dir(directory).unwrap().map(|entry| read(entry.unwrap().path())).collect();
    assert_eq!(dashboards.len(), 3);
    dashboards
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Every query of every panel, as Grafana sends it with *All* chosen.
pub fn queries() -> Vec<String> {
    let dashboards = dashboards();
    let targets = dashboards.iter().flat_map(|d| list(&d["panels"])).flat_map(|panel| list(&panel["targets"]));
    let queries: Vec<String> = targets.map(|target| chosen(target["expr"].as_str().unwrap())).collect();
    assert!(queries.iter().all(|query| !query.contains('$')), "a variable that is not known here: {queries:#?}");
    queries
}

/// A scrape each second, and half a minute shown.
fn chosen(query: &str) -> String {
    let named = [("$__rate_interval", "10s"), ("$__range", "30s")];
    let all = ["$namespace", "$workload", "$model"].map(|name| (name, ".*"));
    named.iter().chain(&all).fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
}

/// The metric and the label that each variable's values are taken from.
pub fn variables() -> Vec<(String, String)> {
    let dashboards = dashboards();
    let queries = dashboards.iter().flat_map(|d| list(&d["templating"]["list"])).filter(|v| v["type"] == "query");
    let parts = |variable: &Value| {
        let inside = variable["query"]["query"].as_str()?.strip_prefix("label_values(")?.strip_suffix(')')?;
        inside.split_once(", ").map(|(metric, label)| (metric.to_owned(), label.to_owned()))
    };
    let variables: Vec<(String, String)> = queries.map(|variable| parts(variable).unwrap()).collect();
    assert!(variables.len() >= 5, "{variables:?}");
    variables
}
