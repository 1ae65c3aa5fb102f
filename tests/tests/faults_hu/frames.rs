//! However an answer is divided, the caller gets its bytes and the books its numbers (HU1, HU2, HU3, HU20, HU21).

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::Value;
use sidegate_testkit::sim::fault::LineEnd;
use sidegate_testkit::sim::{Answers, Fault, Key, SimConfig};
use sidegate_tests::client::{chat, post};
use sidegate_tests::policy::ladder;
use sidegate_tests::stage::Setting;
use sidegate_tests::{Answer, Stage};
use tokio::time::Instant;

use super::{ASKED, always, events, json, streams, three};

/// Two, three and four bytes a character, and one made of several.
const MANY_BYTES: &str = "grün 漢字 \u{1f980} e\u{301} \u{1f468}\u{200d}\u{1f469} ";

/// What the numbers of a line are.
fn numbers(line: &Value) -> [Value; 6] {
    ["input_tokens", "output_tokens", "cost_nanodollars", "finish_reason", "response_id", "usage_source"]
        .map(|name| line[name].clone())
}

/// What the caller gets and the line says with `fault`.
async fn through(answers: &Answers, request: usize, fault: Option<Fault>) -> (Answer, Value) {
    let mut stage = three();
    stage.sim.set_answers(answers.clone());
    if let Some(fault) = fault {
        always(&stage, fault);
    }
    let answer = stage.call(streams().remove(request).1).await;
    let line = stage.line().await;
    (answer, line)
}

#[tokio::test(start_paused = true)]
async fn hu1_a_character_may_be_cut_anywhere() {
    let answers = Answers { text: Some(MANY_BYTES.repeat(3)), ..Answers::default() };
    for (n, (name, _)) in streams().into_iter().enumerate() {
        let (whole, line) = through(&answers, n, None).await;
        assert!(whole.complete && whole.text().contains("漢字"), "{name}: {}", whole.text());
        for bytes in [1, 2, 3, 5, 7, 64, 1_000] {
            let (cut, of_cut) = through(&answers, n, Some(Fault::Trickle { bytes, pause_ms: 0 })).await;
            assert!(cut.body == whole.body, "{name}, {bytes}: {}", cut.text());
            assert!(cut.complete);
            assert_eq!(numbers(&of_cut), numbers(&line), "{name}, {bytes}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu2_every_legal_form_of_events_is_read_alike() {
    let answers = Answers { text: Some(MANY_BYTES.into()), ..Answers::default() };
    for (n, (name, _)) in streams().into_iter().enumerate().filter(|(_, (name, _))| !name.contains("array")) {
        let (_, line) = through(&answers, n, None).await;
        for (line_end, comments, bom, tight) in [
            (LineEnd::Lf, true, false, false),
            (LineEnd::Crlf, false, false, false),
            (LineEnd::Crlf, true, true, true),
            (LineEnd::Cr, false, false, true),
            (LineEnd::Cr, true, true, false),
        ] {
            let reframe = Fault::Reframe { line_end, comments, bom, tight };
            let (whole, of_whole) = through(&answers, n, Some(reframe.clone())).await;
            assert!(whole.complete, "{name}, {reframe:?}: {}", whole.text());
            assert_eq!(numbers(&of_whole), numbers(&line), "{name}, {reframe:?}: {}", whole.text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hu2_also_when_a_line_end_is_cut_in_two() {
    let mut stage = three();
    always(&stage, Fault::Reframe { line_end: LineEnd::Crlf, comments: true, bom: true, tight: true });
    let whole = stage.call(chat("gpt-4o", ASKED)).await;
    let line = stage.line().await;
    stage.sim.clear_faults();
    let faults = vec![
        Fault::Reframe { line_end: LineEnd::Crlf, comments: true, bom: true, tight: true },
        Fault::Trickle { bytes: 1, pause_ms: 0 },
    ];
    stage.sim.add_faults(vec![sidegate_testkit::sim::Rule {
        faults,
        ..sidegate_testkit::sim::Rule::always(Fault::Html {})
    }]);
    let cut = stage.call(chat("gpt-4o", ASKED)).await;
    assert!(cut.complete && cut.body == whole.body, "{:?}\n{:?}", cut.text(), whole.text());
    assert_eq!(numbers(&stage.line().await), numbers(&line));
}

#[tokio::test(start_paused = true)]
async fn hu2_fields_that_nobody_knows_pass_and_data_of_several_lines_is_one() {
    let stream = "\n\n: comment\n\nid: 7\nretry: 10\nunknown: x\n\nevent: message\ndata: {\"id\":\"c1\",\"model\":\"gpt-4o\",\n\
                  data: \"choices\":[{\"index\":0,\n\ndata: {\"id\":\"c1\",\ndata: \"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\
                  \"finish_reason\":null}]}\n\ndata\n\ndata:{\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\n\
                  data:\"completion_tokens\":4,\"total_tokens\":7}}\n\ndata: [DONE]\n\n";
    let mut stage = three();
    always(&stage, events(stream));
    let answer = stage.call(chat("gpt-4o", ASKED)).await;
    assert!(answer.complete);
    assert_eq!(answer.text(), stream);
    let line = stage.line().await;
    assert_eq!((line["input_tokens"].as_u64(), line["output_tokens"].as_u64()), (Some(3), Some(4)), "{line}");
}

#[tokio::test(start_paused = true)]
async fn hu3_one_huge_event_passes_and_nothing_of_it_is_kept() {
    for (name, request) in streams() {
        if name.contains("array") {
            continue;
        }
        let mut stage = three();
        let bytes = 20 << 20;
        always(&stage, Fault::HugeEvent { bytes, after_event: 2 });
        let answer = stage.call(request).await;
        assert!(answer.complete, "{name}");
        assert!(answer.body.len() > bytes, "{name}: {}", answer.body.len());
        let line = stage.line().await;
        assert_eq!(line["outcome"], "answered", "{name}");
        assert_eq!(stage.sidecar.open_calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn hu3_a_line_that_never_ends_is_a_stream_that_broke_off() {
    let mut stage = three();
    let good = r#"data: {"id":"c1","choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
    always(&stage, events(&format!("{good}\n\ndata: {{\"a\":\"{}", "h".repeat(8 << 20))));
    let answer = stage.call(chat("gpt-4o", ASKED)).await;
    assert!(
        !answer.complete && answer.body.len() > 8 << 20,
        "{} {} {:.300}",
        answer.complete,
        answer.body.len(),
        answer.text()
    );
    assert!(answer.events().last().is_some_and(|data| data.contains("truncated")), "the error is an event of its own");
    assert_eq!(stage.line().await["class"], "truncated");
}

#[tokio::test(start_paused = true)]
async fn hu20_an_event_arrives_when_it_was_sent() {
    let mut stage = Stage::with(ladder(&[1]));
    always(&stage, Fault::Pace { ms: 100 });
    let began = Instant::now();
    let mut stream = stage.send(chat("m", ASKED)).await;
    let mut n = 0;
    while let Some(Ok(_)) = stream.body_mut().frame().await {
        let late = began.elapsed().as_millis() % 100;
        assert!(late <= 5, "event {n} came {late} ms late");
        n += 1;
    }
    assert!(n > 3);
}

#[tokio::test]
async fn hu20_bytes_one_by_one_cost_no_more_than_their_number() {
    let mut times = Vec::new();
    for words in [10, 60] {
        let mut stage = Stage::with(ladder(&[1]));
        stage.sim.set_answers(Answers { text: Some("word ".repeat(words)), ..Answers::default() });
        always(&stage, Fault::Trickle { bytes: 1, pause_ms: 0 });
        let began = Instant::now();
        let answer = stage.call(chat("m", ASKED)).await;
        assert!(answer.complete && answer.body.len() > words * 250);
        times.push(began.elapsed());
    }
    // Some 4 times the bytes; 16 times the time would be their square.
    assert!(times[1] < times[0] * 10, "{times:?}");
}

#[tokio::test]
async fn hu20_a_beginning_that_says_nothing_costs_no_more_than_its_bytes() {
    // The gate holds back what says nothing, byte by byte: each of them must not be read again for the next.
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.sim.set_answers(Answers { text: Some("word ".repeat(20)), ..Answers::default() });
    stage.spend_repeats();
    let silence = ": nothing\n\n".repeat(5_000);
    let head = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
    let chunks: String = silence.bytes().map(|byte| format!("1\r\n{}\r\n", char::from(byte))).collect();
    always(&stage, super::raw(head, &format!("{chunks}0\r\n\r\n")));
    let began = Instant::now();
    let answer = stage.call(chat("m", ASKED)).await;
    // Read anew for each byte it took minutes; the bound leaves room for a machine that is busy.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_ne!(answer.status, 500);
}

#[tokio::test(start_paused = true)]
async fn hu21_a_large_body_streams_through() {
    let numbers = "0.123456789,".repeat(2 << 20);
    let body = format!(
        r#"{{"object":"list","data":[{{"index":0,"embedding":[{numbers}0.1]}}],"model":"e","usage":{{"prompt_tokens":5,"total_tokens":5}}}}"#
    );
    let setting = Setting {
        sim: SimConfig { keys: vec![Key::new("a", "sim-key-a")], ..SimConfig::default() },
        ..Setting::default()
    };
    let mut stage = Stage::set(setting, ladder(&[1]));
    always(&stage, json(&body));
    let mut response = stage.send(post("/v1/embeddings", r#"{"model":"m","input":"x"}"#)).await;
    // The caller has the beginning while the provider still has most of it.
    let first = response.body_mut().frame().await.and_then(Result::ok).and_then(|f| f.into_data().ok());
    assert!(first.is_some());
    assert_eq!(stage.sidecar.open_calls(), 1);
    let rest = Answer::read(response).await;
    assert!(rest.complete);
    assert_eq!(first.map_or(0, |f| f.len()) + rest.body.len(), body.len());
    let line = stage.line().await;
    assert_eq!(line["input_tokens"], 5, "the end of it was read, too");
}
