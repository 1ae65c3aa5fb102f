//! A stream whose usage the client did not ask for (BC18).

use sidegate_testkit::sim::SimConfig;
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, post};
use sidegate_tests::policy::ladder;

#[tokio::test(start_paused = true)]
async fn bc18_only_the_one_extra_chunk_is_missing() {
    for more in [
        r#","stream":true"#,
        r#","stream":true,"stream_options":{}"#,
        r#","stream":true,"stream_options":{"include_usage":false}"#,
        r#","stream":true,"stream_options":null"#,
    ] {
        let mut stage = Stage::with(ladder(&[1]));
        let answer = stage.call(chat("m", more)).await;
        assert!(answer.complete && answer.header("content-type").starts_with("text/event-stream"));
        let line = stage.line().await;
        assert_eq!(line["usage_source"], "provider", "it was metered");
        // What the provider says when it is asked in the same words, without the chunk that only has usage.
        let sent = stage.sim.bill().entries()[0].body.clone().unwrap_or_default();
        let mut direct = Stage::set(
            sidegate_tests::stage::Setting {
                sim: SimConfig { keys: Vec::new(), ..SimConfig::default() },
                ..Default::default()
            },
            ladder(&[1]),
        );
        let whole = direct.call_sim(post("/v1/chat/completions", sent)).await;
        let events = whole.text().split_inclusive("\n\n");
        let wanted: String = events.filter(|event| !event.contains(r#""choices":[]"#)).collect();
        assert_ne!(wanted, whole.text(), "there was one");
        assert_eq!(answer.text(), wanted, "{more}");
    }
}
