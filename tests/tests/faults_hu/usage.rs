//! Usage that is spoilt, missing or more than was held, and names that differ (HU4, HU5, HU17, HU18, HU22).

use std::collections::HashSet;

use serde_json::Value;
use sidegate_policy::{Dialect, Glob, ModelFacts, Nanos, Price, Rate, Rates};
use sidegate_testkit::sim::Fault;
use sidegate_testkit::sim::fault::UsageAs;
use sidegate_tests::Stage;
use sidegate_tests::client::chat;
use sidegate_tests::policy::{ladder, price, provider, snapshot};

use super::{ASKED, always, events, json, streams, three};

fn anomalies(line: &Value) -> Vec<&str> {
    line["anomalies"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn hu4_spoilt_usage_is_estimated_and_counted_and_the_stream_untouched() {
    for spoilt in [UsageAs::Null, UsageAs::Words, UsageAs::Negative, UsageAs::Huge] {
        for (name, request) in streams().into_iter().filter(|(name, _)| *name != "chat without usage") {
            let mut stage = three();
            always(&stage, Fault::Usage { spoilt });
            let answer = stage.call(request).await;
            let line = stage.line().await;
            assert!(answer.complete, "{name}, {spoilt:?}: {}", answer.text());
            assert_eq!(
                (&line["outcome"], &line["usage_source"]),
                (&"answered".into(), &"estimated".into()),
                "{name}, {spoilt:?}: {line}"
            );
            assert!(line["output_tokens"].as_u64().is_some_and(|n| n < 100), "{name}, {spoilt:?}: {line}");
            assert!(!anomalies(&line).is_empty(), "{name}, {spoilt:?}: {line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu4_garbage_between_events_passes_and_is_counted() {
    for (name, request) in streams().into_iter().filter(|(name, _)| !name.contains("array")) {
        let mut stage = three();
        always(&stage, Fault::GarbageEvent { after_event: 2 });
        let answer = stage.call(request).await;
        let line = stage.line().await;
        assert!(answer.complete && answer.text().contains("{\"broken\": "), "{name}: {}", answer.text());
        assert_eq!(line["usage_source"], "provider", "{name}: what is good is still read: {line}");
        assert_eq!(anomalies(&line), ["usage_unreadable"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn hu4_of_several_usages_the_last_valid_one_counts() {
    let chunk = r#"data: {"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let last = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":9,"total_tokens":12}}"#;
    let bad = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":"many"}}"#;
    let mut stage = three();
    always(&stage, events(&format!("{chunk}\n\n{last}\n\n{bad}\n\ndata: [DONE]\n\n")));
    stage.call(chat("gpt-4o", ASKED)).await;
    let line = stage.line().await;
    assert_eq!((line["input_tokens"].as_u64(), line["output_tokens"].as_u64()), (Some(3), Some(9)), "{line}");
    assert_eq!(anomalies(&line), ["usage_unreadable"]);
}

#[tokio::test(start_paused = true)]
async fn hu5_usage_that_is_missing_is_estimated_and_says_so() {
    for (name, request) in streams() {
        let mut stage = three();
        always(&stage, Fault::Usage { spoilt: UsageAs::Missing });
        let answer = stage.call(request).await;
        let line = stage.line().await;
        assert!(answer.complete, "{name}");
        assert_eq!(line["usage_source"], "estimated", "{name}: {line}");
        assert!(line["input_tokens"].as_u64() > Some(0) && line["output_tokens"].as_u64() > Some(0), "{name}: {line}");
        assert_eq!(anomalies(&line), ["usage_missing"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn hu17_more_than_was_held_is_recorded_in_full() {
    for (name, request) in streams() {
        let mut stage = three();
        always(&stage, Fault::Overbill { output: 40_000 });
        stage.call(request).await;
        let line = stage.line().await;
        let entry = stage.sim.bill().settled(1).await.remove(0);
        assert!(entry.output_tokens > 40_000);
        assert_eq!(line["output_tokens"].as_u64(), Some(entry.output_tokens), "{name}");
        assert_eq!(anomalies(&line), ["usage_above_bound"], "{name}");
        assert_eq!(stage.metric(r#"sidegate_usage_anomalies_total{anomaly="usage_above_bound"}"#), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn hu18_an_answers_id_may_be_missing_null_or_used_twice() {
    let mut ids = HashSet::new();
    let mut stage = Stage::with(ladder(&[1]));
    for id in ["", r#""id":null,"#, r#""id":"twice","#, r#""id":"twice","#, r#""id":7,"#] {
        stage.sim.clear_faults();
        let usage = r#""usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}"#;
        always(
            &stage,
            json(&format!(
                r#"{{{id}"object":"chat.completion","choices":[{{"index":0,"message":{{"content":"x"}}}}],{usage}}}"#
            )),
        );
        assert_eq!(stage.call(chat("m", "")).await.status, 200);
        let line = stage.line().await;
        assert_eq!(line["output_tokens"], 4);
        ids.insert(line["request_id"].to_string());
    }
    assert_eq!(ids.len(), 5, "our own ids tell them apart");
}

#[tokio::test(start_paused = true)]
async fn hu22_of_the_asked_and_the_serving_model_the_dearer_is_booked() {
    let twice = |rate: Rate| Rate(rate.0 * 2);
    let rates = price().rates;
    let dear =
        Price { rates: Rates { input: twice(rates.input), output: twice(rates.output), ..rates }, ..Price::default() };
    let facts = |name: &str, price: Price| {
        let name = Glob::parse(name).unwrap_or(Glob::Any);
        ModelFacts { name, context_window: None, max_output: None, price: Some(price) }
    };
    let mut first = provider("first", Dialect::OpenAi, 1);
    first.models = vec![facts("dear", dear), facts("plain", price())];
    let mut stage = Stage::with(snapshot(vec![first]));
    let (plain, twice) = (Nanos(3 * 150 + 4 * 600), Nanos(2 * (3 * 150 + 4 * 600)));
    for (asked, served, cost) in
        [("plain", "dear", twice), ("dear", "plain", twice), ("plain", "plain", plain), ("plain", "of-nobody", plain)]
    {
        stage.sim.clear_faults();
        let usage = r#""usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}"#;
        always(
            &stage,
            json(&format!(
                r#"{{"id":"x","model":"{served}","choices":[{{"index":0,"message":{{"content":"x"}}}}],{usage}}}"#
            )),
        );
        stage.call(chat(asked, "")).await;
        let line = stage.line().await;
        assert_eq!(line["cost_nanodollars"].as_u64(), u64::try_from(cost.0).ok(), "{asked} served by {served}: {line}");
        assert_eq!(line["response_model"], served);
    }
}
