//! `top`: what sidecars say that calls took is what the provider bills.

use std::time::Duration;

use sidegate_tests::client::chat;
use sidegate_wire::v1;
use tokio::time::sleep;

use crate::{Cluster, SUMS, everywhere, namespace, status};

async fn table(cluster: &Cluster, scope: Option<v1::Scope>, by: v1::TopBy) -> v1::TopTable {
    let request = v1::TopRequest { scope, by: by.into(), last_seconds: 300, rows: 10, ..v1::TopRequest::default() };
    cluster.person().top(request).await.unwrap().into_inner().message().await.unwrap().unwrap()
}

/// Requests, prompt tokens and generated tokens, as providers count them.
fn billed(cluster: &Cluster, namespace: &str) -> [u64; 3] {
    let totals = cluster.pods(namespace).into_iter().map(|pod| pod.stage.sim.bill().totals());
    totals.fold([0; 3], |sum, t| [sum[0] + t.requests, sum[1] + t.prompt_tokens, sum[2] + t.output_tokens])
}

fn counted(row: &v1::TopRow) -> [u64; 3] {
    [row.attempts, row.input_tokens, row.output_tokens]
}

#[tokio::test(start_paused = true)]
async fn sums_are_those_of_the_bill_for_each_namespace_workload_and_model() {
    let mut cluster = Cluster::simple().await;
    for round in 0..30 {
        let stream = if round % 3 == 0 { r#","stream":true"# } else { "" };
        cluster.checkout.stage.call(chat("gpt-4o", stream)).await;
        cluster.search.stage.call(chat("gpt-4o-mini", stream)).await;
        cluster.teller.stage.call(chat("gpt-4o", stream)).await;
        cluster.teller.stage.call(chat("forbidden", "")).await;
        sleep(Duration::from_secs(1)).await;
    }
    sleep(SUMS).await;
    let all = table(&cluster, everywhere(), v1::TopBy::Namespace).await;
    assert_eq!(all.coverage.unwrap(), v1::Coverage { sidecars: 3, pods: None });
    assert_eq!(counted(all.total.as_ref().unwrap()), billed(&cluster, ""));
    for row in &all.rows {
        assert_eq!(counted(row), billed(&cluster, &row.namespace), "{}", row.namespace);
        // 0.15 and 0.60 dollars a million.
        assert_eq!(row.cost_nanodollars as u64, row.input_tokens * 150 + row.output_tokens * 600, "{}", row.namespace);
    }
    let names: Vec<&str> = all.rows.iter().map(|row| &*row.namespace).collect();
    assert_eq!(names, ["shop", "bank"], "who spends most comes first");
    let bank = &all.rows[1];
    assert_eq!((bank.calls, bank.errors), (60, 30));
    assert_eq!(bank.failures, [v1::Failures { why: "model_not_allowed".into(), calls: 30 }]);

    let shop = table(&cluster, namespace("shop"), v1::TopBy::Workload).await;
    let mut workloads: Vec<&str> = shop.rows.iter().map(|row| &*row.workload).collect();
    workloads.sort_unstable();
    assert_eq!(workloads, ["deployment/checkout", "deployment/search"]);
    assert_eq!(counted(shop.total.as_ref().unwrap()), billed(&cluster, "shop"));
    assert_eq!(shop.coverage.unwrap().sidecars, 2);

    let models = table(&cluster, everywhere(), v1::TopBy::Model).await;
    let of = |name: &str| models.rows.iter().find(|row| row.model == name).map(|row| row.calls);
    assert_eq!((of("gpt-4o"), of("gpt-4o-mini"), of("forbidden")), (Some(60), Some(30), Some(30)));
}

#[tokio::test(start_paused = true)]
async fn it_looks_back_as_far_as_was_asked_and_a_quarter_of_an_hour_at_most() {
    let mut cluster = Cluster::simple().await;
    for _ in 0..20 {
        cluster.checkout.stage.call(chat("gpt-4o", "")).await;
        sleep(Duration::from_secs(60)).await;
    }
    let look =
        |seconds| v1::TopRequest { last_seconds: seconds, rows: 5, scope: everywhere(), ..v1::TopRequest::default() };
    for (asked, calls) in [(60, 1..=1), (300, 4..=5), (0, 14..=16), (86_400, 14..=16)] {
        let mut tables = cluster.person().top(look(asked)).await.unwrap().into_inner();
        let table = tables.message().await.unwrap().unwrap();
        let total = table.total.unwrap();
        assert!(calls.contains(&total.calls), "{asked}: {} calls in {} s", total.calls, table.seconds);
        assert!(table.seconds <= 930 && (asked == 0 || table.seconds <= asked), "{asked}: {}", table.seconds);
        assert!(tables.message().await.unwrap().is_none(), "one table and no more");
    }
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_for_those_who_keep_looking_and_nothing_is_lost_while_a_link_is_down_for_a_moment() {
    let mut cluster = Cluster::simple().await;
    let request = v1::TopRequest {
        scope: everywhere(),
        last_seconds: 300,
        refresh_seconds: 2,
        rows: 5,
        ..v1::TopRequest::default()
    };
    let mut tables = cluster.person().top(request).await.unwrap().into_inner();
    let calls = async |tables: &mut tonic::Streaming<v1::TopTable>| {
        tables.message().await.unwrap().unwrap().total.unwrap().calls
    };
    assert_eq!(calls(&mut tables).await, 0);
    let cable = cluster.cable.clone();
    cluster.checkout.linked = None;
    for _ in 0..10 {
        cluster.checkout.stage.call(chat("gpt-4o", "")).await;
        sleep(Duration::from_secs(1)).await;
    }
    cluster.checkout.link(&cable);
    sleep(SUMS).await;
    let mut seen = 0;
    for _ in 0..20 {
        seen = calls(&mut tables).await;
    }
    assert_eq!(seen, 10);
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_in_a_long_outage_is_not_told_as_of_now() {
    let mut cluster = Cluster::simple().await;
    let cable = cluster.cable.clone();
    cluster.checkout.linked = None;
    for _ in 0..600 {
        cluster.checkout.stage.call(chat("gpt-4o", "")).await;
        sleep(Duration::from_secs(1)).await;
    }
    cluster.checkout.link(&cable);
    sleep(SUMS).await;
    let told = table(&cluster, everywhere(), v1::TopBy::Workload).await.total.unwrap().calls;
    assert!(told <= 30, "{told} calls are more than those of the last half a minute");
    cluster.checkout.stage.call(chat("gpt-4o", "")).await;
    sleep(SUMS).await;
    let then = table(&cluster, everywhere(), v1::TopBy::Workload).await.total.unwrap().calls;
    assert_eq!(then, told + 1, "what comes after it is there");
}

#[tokio::test(start_paused = true)]
async fn why_calls_fail_is_told_most_frequent_first() {
    let mut cluster = Cluster::simple().await;
    cluster.checkout.stage.spend_repeats();
    cluster.checkout.stage.fail("openai", 3, status(500));
    for _ in 0..4 {
        cluster.checkout.stage.call(chat("gpt-4o", "")).await;
    }
    for _ in 0..5 {
        cluster.checkout.stage.call(chat("forbidden", "")).await;
    }
    sleep(SUMS).await;
    let table = table(&cluster, namespace("shop"), v1::TopBy::Workload).await;
    let why: Vec<(&str, u64)> = table.rows[0].failures.iter().map(|f| (&*f.why, f.calls)).collect();
    assert_eq!(why[0], ("model_not_allowed", 5), "{why:?}");
    assert_eq!(why[1].0, "provider_transient", "{why:?}");
    assert_eq!(table.rows[0].errors, why.iter().map(|(_, calls)| calls).sum::<u64>());
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_ends_tells_its_last_sums() {
    let mut cluster = Cluster::simple().await;
    sleep(SUMS).await;
    cluster.checkout.call("gpt-4o").await;
    cluster.checkout.linked.take().unwrap().end().await;
    let table = table(&cluster, namespace("shop"), v1::TopBy::Workload).await;
    assert_eq!(table.total.unwrap().calls, 1);
}

#[tokio::test(start_paused = true)]
async fn so_many_may_look_at_once_and_the_next_one_is_told() {
    let cluster = Cluster::simple().await;
    let request = || v1::TopRequest { scope: everywhere(), refresh_seconds: 2, rows: 5, ..v1::TopRequest::default() };
    let mut looking = Vec::new();
    for _ in 0..64 {
        let mut tables = cluster.person().top(request()).await.unwrap().into_inner();
        tables.message().await.unwrap().unwrap();
        looking.push(tables);
    }
    let refused = cluster.person().top(request()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
    looking.pop();
    sleep(Duration::from_secs(1)).await;
    cluster.person().top(request()).await.unwrap();
}
