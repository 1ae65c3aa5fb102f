//! Answers that are wrong below HTTP, compressed, or too large in their head (HU10, HU11, HU12, HU14).

use sidegate_testkit::sim::{Fault, Rule};
use sidegate_tests::client::chat;
use sidegate_tests::policy::ladder;
use sidegate_tests::{Answer, Stage};

use super::{ASKED, always, raw};

/// One call with `fault`, then one without; the sidecar's connections are on real sockets.
async fn one_bad_one_good(fault: Fault, more: &str) -> (Answer, Answer, Stage) {
    let (mut stage, _) = Stage::on_sockets(ladder(&[1])).await;
    stage.spend_repeats();
    stage.sim.add_faults(vec![Rule::times(1, fault)]);
    let bad = stage.call(chat("m", more)).await;
    stage.sim.clear_faults();
    let good = stage.call(chat("m", more)).await;
    (bad, good, stage)
}

#[tokio::test]
async fn hu10_a_length_that_is_too_long_is_an_answer_cut_short() {
    for more in ["", ASKED] {
        let (bad, good, _stage) = one_bad_one_good(Fault::ContentLength { delta: 10 }, more).await;
        // A stream whose last event has come is whole, whatever its length was said to be.
        let whole = bad.text().ends_with("data: [DONE]\n\n");
        assert!(bad.status == 502 || !bad.complete || whole, "{more}: {} {}", bad.status, bad.text());
        assert!(good.complete && good.status == 200, "{more}: {}", good.text());
    }
}

#[tokio::test]
async fn hu10_what_is_behind_the_length_is_thrown_away_with_the_connection() {
    for more in ["", ASKED] {
        let (bad, good, _stage) = one_bad_one_good(Fault::ContentLength { delta: -10 }, more).await;
        assert!(!bad.text().contains("[DONE]") || more.is_empty());
        assert_eq!(good.status, 200, "the next answer begins where it begins");
        assert!(good.complete);
        let last = if more.is_empty() {
            good.json()["object"] == "chat.completion"
        } else {
            good.text().ends_with("[DONE]\n\n")
        };
        assert!(last, "{}", good.text());
    }
}

#[tokio::test]
async fn hu10_lengths_that_contradict_are_no_answer() {
    let body = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"content":"x"}}]}"#;
    let n = body.len();
    for head in [
        format!("content-length: {n}\r\ncontent-length: 5\r\n"),
        "content-length: -1\r\n".to_owned(),
        "content-length: many\r\n".to_owned(),
    ] {
        let (bad, good, _stage) = one_bad_one_good(raw(&head, body), "").await;
        assert_eq!((bad.status.as_u16(), bad.class()), (502, "provider_transient"), "{head}: {}", bad.text());
        assert_eq!(good.status, 200);
    }
    let chunked = "content-length: 5\r\ntransfer-encoding: chunked\r\n";
    let (odd, good, _stage) = one_bad_one_good(raw(chunked, &format!("{n:x}\r\n{body}\r\n0\r\n\r\n")), "").await;
    assert!(odd.status == 502 || odd.text() == body, "in one reading or not at all: {}", odd.text());
    assert_ne!(odd.header("content-length"), "5");
    assert_eq!(good.status, 200);
}

#[tokio::test(start_paused = true)]
async fn hu11_a_compressed_answer_passes_with_its_header() {
    for (more, corrupt) in [("", false), ("", true), (ASKED, false), (ASKED, true)] {
        let mut stage = Stage::with(ladder(&[1]));
        always(&stage, Fault::Gzip { corrupt });
        let answer = stage.call(chat("m", more)).await;
        assert_eq!(answer.header("content-encoding"), "gzip");
        assert!(answer.body.starts_with(&[0x1f, 0x8b]), "the bytes agree with the header");
        assert!(answer.complete);
        let line = stage.line().await;
        assert_eq!((&line["outcome"], &line["usage_source"]), (&"answered".into(), &"estimated".into()), "{line}");
        let entry = stage.sim.bill().entries().remove(0);
        assert_eq!(entry.header("accept-encoding"), Some("identity"), "nobody asked for it");
    }
}

#[tokio::test(start_paused = true)]
async fn hu11_an_encoding_that_nobody_knows_passes_too() {
    for encoding in ["x-unknown", "br", "gzip, gzip", "zstd"] {
        let mut stage = Stage::with(ladder(&[1, 1]));
        always(
            &stage,
            Fault::Headers { headers: vec![("content-encoding".into(), encoding.into())], filler: 0, cookies: 0 },
        );
        let answer = stage.call(chat("m", ASKED)).await;
        assert_eq!(answer.header("content-encoding"), encoding);
        assert!(answer.complete && answer.text().ends_with("[DONE]\n\n"), "{encoding}: {}", answer.text());
        assert_eq!(stage.line().await["outcome"], "answered");
    }
}

#[tokio::test]
async fn hu12_too_large_a_head_is_502() {
    for fault in [
        Fault::Headers { headers: Vec::new(), filler: 1 << 20, cookies: 0 },
        Fault::Headers { headers: Vec::new(), filler: 0, cookies: 5_000 },
        Fault::Raw { text: format!("HTTP/1.1 200 {}\r\n\r\n", "r".repeat(1 << 20)) },
        Fault::Raw { text: "no HTTP at all\r\n\r\n".into() },
        Fault::Raw { text: "HTTP/1.1 99999 OK\r\n\r\n".into() },
        Fault::Raw { text: "HTTP/1.1 200 OK\r\nx-bad\0: y\r\n\r\n".into() },
    ] {
        let shown = format!("{fault:?}");
        let (bad, good, stage) = one_bad_one_good(fault, "").await;
        assert_eq!((bad.status.as_u16(), bad.class()), (502, "provider_transient"), "{shown:.60}: {}", bad.text());
        assert_eq!(good.status, 200);
        assert_eq!(stage.audit()[0]["attempts"][0]["reason"], "bad_response", "{shown:.60}");
    }
}

#[tokio::test]
async fn hu12_early_hints_are_passed_over() {
    let (mut stage, _) = Stage::on_sockets(ladder(&[1])).await;
    stage.spend_repeats();
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n".repeat(100);
    let body = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"content":"x"}}]}"#;
    let text = format!("{hints}HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    always(&stage, Fault::Raw { text });
    let answer = stage.call(chat("m", "")).await;
    assert!(
        answer.status == 200 && answer.text() == body || answer.status == 502,
        "{} {}",
        answer.status,
        answer.text()
    );
    assert_eq!(answer.header("link"), "");
}

#[tokio::test(start_paused = true)]
async fn hu12_only_headers_that_may_pass_do() {
    let mut stage = Stage::with(ladder(&[1]));
    let names = [
        "set-cookie",
        "alt-svc",
        "upgrade",
        "server",
        "location",
        "www-authenticate",
        "x-sidegate-error",
        "access-control-allow-origin",
        "strict-transport-security",
        "openai-organization",
        "proxy-authenticate",
    ];
    let headers = names.iter().map(|n| ((*n).to_owned(), "theirs".to_owned())).collect();
    always(&stage, Fault::Headers { headers, filler: 0, cookies: 3 });
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 200);
    for name in names {
        assert_ne!(answer.header(name), "theirs", "{name}");
    }
}

#[tokio::test]
async fn hu14_a_switch_that_nobody_asked_for_is_no_answer() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    for more in ["", ASKED] {
        let (bad, good, _stage) = one_bad_one_good(Fault::Raw { text: switch.into() }, more).await;
        assert_eq!((bad.status.as_u16(), bad.class()), (502, "provider_transient"), "{}", bad.text());
        assert!(good.status == 200 && good.complete);
    }
}
