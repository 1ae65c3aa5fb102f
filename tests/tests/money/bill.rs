//! Calls that end well cost exactly what the provider bills.

use sidegate_testkit::sim::{Answers, Fault};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, post};
use sidegate_tests::policy::ladder;

use super::{billed, cost, three, ways};

#[tokio::test(start_paused = true)]
async fn every_way_to_ask_costs_what_is_billed() {
    for (name, request) in ways() {
        let mut stage = three();
        let answer = stage.call(request).await;
        assert!(answer.complete && answer.status == 200, "{name}: {}", answer.text());
        let (line, entry) = (stage.line().await, stage.sim.bill().settled(1).await.remove(0));
        assert_eq!(line["input_tokens"].as_u64(), Some(entry.prompt_tokens), "{name}: {line}");
        assert_eq!(line["output_tokens"].as_u64(), Some(entry.output_tokens), "{name}: {line}");
        assert_eq!(line["usage_source"], "provider", "{name}");
        assert_eq!(cost(&line), Some(billed(&stage)), "{name}: {line}");
        assert_eq!(line["price_version"], "test prices");
    }
}

#[tokio::test(start_paused = true)]
async fn cached_and_hidden_tokens_cost_what_is_billed() {
    for (cached, cache_write, reasoning) in [(3, 0, 0), (2, 2, 0), (0, 0, 50), (2, 1, 9)] {
        for (name, request) in ways() {
            let mut stage = three();
            stage.sim.set_answers(Answers { cached, cache_write, reasoning, ..Answers::default() });
            stage.call(request).await;
            let line = stage.line().await;
            stage.sim.bill().settled(1).await;
            assert_eq!(cost(&line), Some(billed(&stage)), "{name}, {cached} {cache_write} {reasoning}: {line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn embeddings_cost_their_input() {
    let mut stage = three();
    let body = r#"{"model":"text-embedding-3-small","input":["one","two and three"]}"#;
    assert_eq!(stage.call(post("/v1/embeddings", body)).await.status, 200);
    let line = stage.line().await;
    assert_eq!(line["output_tokens"], 0);
    assert_eq!(cost(&line), Some(billed(&stage)));
}

#[tokio::test(start_paused = true)]
async fn usage_that_the_caller_did_not_ask_for_is_metered_and_kept_from_it() {
    let mut stage = three();
    let quiet = stage.call(chat("gpt-4o", r#","stream":true"#)).await;
    let body = stage.sim.bill().entries()[0].body.clone().unwrap_or_default();
    assert!(body.windows(20).any(|w| w == br#""include_usage":true"#), "{body:?}");
    assert!(quiet.events().iter().all(|data| !data.contains(r#""choices":[]"#)), "{}", quiet.text());
    assert_eq!(quiet.events().last(), Some(&"[DONE]"));
    let asked = stage.call(chat("gpt-4o", r#","stream":true,"stream_options":{"include_usage":true}"#)).await;
    let extra: Vec<_> = asked.events().into_iter().filter(|data| data.contains(r#""choices":[]"#)).collect();
    assert_eq!(extra.len(), 1, "and given to one who did: {}", asked.text());
    assert_eq!(asked.events().len(), quiet.events().len() + 1);
}

#[tokio::test(start_paused = true)]
async fn more_than_was_held_is_booked_in_full() {
    let mut stage = three();
    stage.fail("openai", 1, Fault::Overbill { output: 50_000 });
    stage.call(chat("gpt-4o", r#","max_tokens":10"#)).await;
    let line = stage.line().await;
    assert_eq!(cost(&line), Some(billed(&stage)));
    assert_eq!(line["anomalies"][0], "usage_above_bound");
}

#[tokio::test(start_paused = true)]
async fn an_error_answer_costs_nothing() {
    for status in [400, 401, 404, 422, 429, 500, 503] {
        let mut stage = Stage::with(ladder(&[1]));
        stage.fail("first", 9, Fault::Status { status, headers: Vec::new(), body: None, code: None });
        stage.call(chat("m", "")).await;
        assert_eq!((cost(&stage.line().await), billed(&stage)), (Some(0), 0), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_metric_counts_the_same_money() {
    let mut stage = Stage::with(ladder(&[1]));
    for _ in 0..7 {
        stage.call(chat("m", "")).await;
    }
    let mut text = String::new();
    stage.sidecar.metrics.encode(&mut text);
    let counted = text.lines().filter(|line| line.starts_with("sidegate_cost_nanodollars_total{"));
    let sum: u64 = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    assert_eq!(sum, billed(&stage), "{text}");
}
