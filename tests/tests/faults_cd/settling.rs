//! A client that leaves when all has been said and nothing settled (CD7).

use http_body_util::BodyExt;
use sidegate_policy::Dialect;
use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, generate, message};
use sidegate_tests::policy::{provider, snapshot};

#[tokio::test(start_paused = true)]
async fn cd7_a_departure_after_the_last_event_is_settled_once_and_exactly() {
    let asked = r#","stream":true,"stream_options":{"include_usage":true}"#;
    for (dialect, request, last) in [
        (Dialect::OpenAi, chat("m", asked), "[DONE]"),
        (Dialect::Anthropic, message("m", r#","stream":true"#), "message_stop"),
        (Dialect::Gemini, generate("m", "streamGenerateContent?alt=sse"), "finishReason"),
    ] {
        for held in [false, true] {
            let mut stage = Stage::with(snapshot(vec![provider("first", dialect, 1)]));
            stage.fail("first", 1, Fault::Pace { ms: 5 });
            if held {
                stage.sim.clear_faults();
                let text = Some(String::new());
                stage.fail("first", 1, Fault::Trailing { text, hold: true });
            }
            let mut client = stage.client().await;
            let answer = client.send(request.clone()).await;
            let mut answer = answer.unwrap_or_else(|e| panic!("{e}"));
            let mut got = String::new();
            while !got.contains(last) {
                let Some(Ok(frame)) = answer.body_mut().frame().await else { break };
                got.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[][..], |d| d)));
            }
            client.leave();
            let line = stage.line().await;
            let entry = stage.sim.bill().settled(1).await.remove(0);
            assert_eq!(line["usage_source"], "provider", "{dialect:?}, {held}: {line}");
            assert_eq!(line["input_tokens"].as_u64(), Some(entry.prompt_tokens));
            let cost = line["cost_nanodollars"].as_u64();
            assert_eq!(
                cost,
                Some(entry.prompt_tokens * 150 + entry.output_tokens * 600),
                "{dialect:?}, {held}: {line}"
            );
        }
    }
}
