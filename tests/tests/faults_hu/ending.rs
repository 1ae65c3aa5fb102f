//! Answers that end too early, or not where they say (HU6, HU7, HU19).

use std::time::Duration;

use serde_json::Value;
use sidegate_testkit::sim::{Answers, Fault, Outcome};
use sidegate_tests::client::chat;
use sidegate_tests::policy::ladder;
use sidegate_tests::raw::{Raw, body, chat as raw_chat};
use sidegate_tests::{Answer, Stage};
use tokio::time::{Instant, sleep};

use super::{ASKED, always, events, streams, three};

/// The marks of a good end, of every dialect.
const GOOD_ENDS: [&str; 5] = ["[DONE]", "message_stop", "response.completed", "\"STOP\"", "\n]"];

/// The answer was told to have broken off, and then broke off.
fn broke_off(name: &str, answer: &Answer, line: &Value) {
    assert!(!answer.complete, "{name} ended cleanly: {}", answer.text());
    let text = answer.text();
    assert!(text.contains("truncated"), "{name}: no word of it in the stream: {text}");
    assert_eq!((&line["outcome"], &line["class"]), (&"failed".into(), &"truncated".into()), "{name}: {line}");
    assert_eq!(line["usage_source"], "estimated", "{name}");
}

#[tokio::test(start_paused = true)]
async fn hu6_a_stream_that_ends_early_is_never_a_clean_end() {
    for (name, request) in streams() {
        for after_event in [8, 9] {
            let mut stage = three();
            stage.sim.set_answers(Answers { events: Some(20), ..Answers::default() });
            always(&stage, Fault::Cut { after_event: Some(after_event), at_byte: None, reset: false });
            let answer = stage.call(request.clone()).await;
            let line = stage.line().await;
            broke_off(name, &answer, &line);
            for end in GOOD_ENDS.iter().filter(|end| !name.contains("array") || **end != "\n]") {
                let made_up = answer.text().contains(end);
                assert!(!made_up || *end == "\n]", "{name}: {end:?} was made up: {}", answer.text());
            }
            assert_eq!(stage.trail().len(), 1, "{name}: it was tried again");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu6_not_even_when_http_ends_well() {
    let chunk = |content: &str| {
        format!(r#"data: {{"id":"c1","model":"m","choices":[{{"index":0,"delta":{{"content":"{content}"}}}}]}}"#)
    };
    let begun = format!("{}\n\n{}\n\n", chunk("one"), chunk("two"));
    for end in ["", "data: {\"id\":", ": comment\n\n"] {
        let mut stage = three();
        always(&stage, events(&format!("{begun}{end}")));
        let answer = stage.call(chat("gpt-4o", ASKED)).await;
        let line = stage.line().await;
        broke_off(end, &answer, &line);
        let last = answer.events().pop().unwrap_or_default().to_owned();
        let told: Value = serde_json::from_str(&last).unwrap_or_default();
        assert_eq!(told["error"]["code"], "truncated", "an event of its own: {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn hu6_an_array_without_its_bracket_is_one_too() {
    for body in
        [r#"[{"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}"#, r#"[{"candidates":[{"content":{"parts":[{"te"#]
    {
        let mut stage = three();
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        always(&stage, super::raw(&head, body));
        let request = streams().pop().unwrap_or_else(|| panic!("no array")).1;
        let answer = stage.call(request).await;
        let line = stage.line().await;
        if line["attempts"].as_array().map(Vec::len) == Some(1) {
            broke_off(body, &answer, &line);
        } else {
            assert_ne!(line["outcome"], "answered", "{line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu6_a_body_without_a_length_that_is_half_an_answer_is_one_too() {
    let mut stage = Stage::with(ladder(&[1]));
    always(
        &stage,
        super::raw(
            "content-type: application/json\r\nconnection: close\r\n",
            r#"{"id":"c1","choices":[{"index":0,"mess"#,
        ),
    );
    let answer = stage.call(chat("m", "")).await;
    let line = stage.line().await;
    assert!(!answer.complete || answer.status != 200, "half an answer as a whole one: {}", answer.text());
    assert_ne!(line["outcome"], "answered", "{line}");
}

#[tokio::test(start_paused = true)]
async fn hu6_it_counts_against_the_provider() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1_000, Fault::Cut { after_event: Some(2), at_byte: None, reset: false });
    for _ in 0..5 {
        stage.call(chat("m", ASKED)).await;
    }
    stage.sim.bill().clear();
    stage.call(chat("m", ASKED)).await;
    assert_eq!(stage.trail(), ["second/a 200"]);
}

#[tokio::test]
async fn hu7_a_reset_in_the_middle_is_told_and_not_repeated() {
    for (after_event, at_byte) in [(Some(2), None), (None, Some(700)), (Some(5), None)] {
        let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
        stage.spend_repeats();
        always(&stage, Fault::Cut { after_event, at_byte, reset: true });
        let mut raw = Raw::connect(at).await;
        raw.send(raw_chat("", &body("hello there, you there", r#","stream":true"#))).await;
        assert!(raw.closes().await);
        let text = raw.text();
        assert_eq!(raw.statuses(), [200], "{text}");
        assert!(text.contains("truncated") && !text.contains("[DONE]"), "{text}");
        assert!(!text.ends_with("0\r\n\r\n"), "an unclean close");
        assert_eq!(stage.line().await["class"], "truncated");
        assert_eq!(stage.sim.bill().entries().len(), 1, "it was tried again after a byte had reached the caller");
    }
}

#[tokio::test]
async fn hu7_a_reset_before_the_first_event_may_still_be_moved() {
    for cut in [(Some(0), None), (None, None), (None, Some(10))] {
        let (mut stage, _) = Stage::on_sockets(ladder(&[1, 1])).await;
        stage.spend_repeats();
        let fault = Fault::Cut { after_event: cut.0, at_byte: cut.1, reset: true };
        stage.sim.add_faults(vec![sidegate_testkit::sim::Rule::times(1, fault)]);
        let answer = stage.call(chat("m", ASKED)).await;
        assert!(answer.complete && answer.text().contains("[DONE]"), "{cut:?}: {}", answer.text());
        assert_eq!(answer.header("x-sidegate-attempts"), "2");
    }
}

#[tokio::test]
async fn hu7_a_reset_in_a_whole_body_is_no_whole_body() {
    let (mut stage, _) = Stage::on_sockets(ladder(&[1])).await;
    stage.spend_repeats();
    always(&stage, Fault::Cut { after_event: None, at_byte: Some(30), reset: true });
    let answer = stage.call(chat("m", "")).await;
    assert!(!answer.complete || answer.status == 502, "{}", answer.text());
    assert_eq!(stage.line().await["outcome"], "failed");
}

#[tokio::test(start_paused = true)]
async fn hu19_the_end_is_delivered_when_it_is_said() {
    for (name, request) in streams().into_iter().filter(|(name, _)| !name.starts_with("content")) {
        let mut stage = three();
        always(&stage, Fault::Trailing { text: Some(String::new()), hold: true });
        let began = Instant::now();
        let answer = stage.call(request).await;
        assert!(answer.complete, "{name}");
        assert!(began.elapsed() < Duration::from_millis(10), "{name}: {:?}", began.elapsed());
        let line = stage.line().await;
        assert_eq!((&line["outcome"], &line["usage_source"]), (&"answered".into(), &"provider".into()));
        assert_eq!(stage.memory.open(), 1);
        sleep(Duration::from_millis(1_100)).await;
        assert_eq!(stage.memory.open(), 0, "{name}: a connection that does not end is closed after a second");
        assert_eq!(stage.sim.bill().settled(1).await[0].outcome, Outcome::ClientGone);
    }
}

#[tokio::test(start_paused = true)]
async fn hu19_what_becomes_of_the_connection_after_the_end_takes_nothing_away() {
    for (name, request) in streams() {
        let after = Fault::Cut { after_event: Some(1_000), at_byte: None, reset: false };
        for fault in [after, Fault::Trailing { text: Some(String::new()), hold: true }] {
            if name.contains("array") {
                continue;
            }
            let mut stage = three();
            always(&stage, fault.clone());
            let answer = stage.call(request.clone()).await;
            assert!(answer.complete && !answer.text().contains("sidegate"), "{name}, {fault:?}: {}", answer.text());
            let line = stage.line().await;
            assert_eq!(
                (&line["outcome"], &line["usage_source"]),
                (&"answered".into(), &"provider".into()),
                "{name}: {line}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu19_a_little_after_the_end_is_read_so_that_the_connection_can_be_used_again() {
    let mut stage = Stage::with(ladder(&[1]));
    always(&stage, Fault::Trailing { text: None, hold: false });
    for _ in 0..3 {
        assert!(stage.call(chat("m", ASKED)).await.complete);
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stage.memory.opened(), 1);
}

#[tokio::test(start_paused = true)]
async fn hu19_much_after_the_end_is_not_read() {
    let mut stage = Stage::with(ladder(&[1]));
    let long = format!(": {}\n\n", "t".repeat(4 << 20));
    always(&stage, Fault::Trailing { text: Some(long), hold: false });
    let answer = stage.call(chat("m", ASKED)).await;
    assert!(answer.text().contains("[DONE]"));
    sleep(Duration::from_millis(10)).await;
    stage.sim.clear_faults();
    assert!(stage.call(chat("m", "")).await.status == 200);
}
