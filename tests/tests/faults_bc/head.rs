//! Heads that say two things, too much, or too slowly (BC1, BC3, BC4, BC12, BC15, BC17).

use std::time::Duration;

use sidegate_tests::Stage;
use sidegate_tests::client::chat as call;
use sidegate_tests::memory::PIPE;
use sidegate_tests::policy::ladder;
use sidegate_tests::raw::{Raw, body, chat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::{on_a_socket, still_serves};

const POST: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n";

#[tokio::test]
async fn bc1_two_lengths_end_the_connection() {
    let (mut stage, at) = on_a_socket().await;
    let hello = body("hello", "");
    let n = hello.len();
    for head in [
        format!("content-length: {n}\r\ncontent-length: 4\r\n"),
        format!("content-length: {n}, 4\r\n"),
        format!("content-length: +{n}\r\n"),
        format!("content-length: 0x{n:x}\r\n"),
        "content-length: -1\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        format!("content-length: {n}\r\nx-nul: a\0b\r\n"),
        format!("content-length : {n}\r\n"),
        format!("content-length: {n}\r\nx-fold: a\r\n b\r\n"),
        format!("content-length: {n}\r\n x-fold: a\r\n"),
    ] {
        let mut raw = Raw::connect(at).await;
        raw.send(format!("{POST}{head}\r\n{hello}")).await;
        assert!(raw.closes().await, "{head:?}: {}", raw.text());
        assert_eq!(raw.statuses(), [400], "{head:?}: {}", raw.text());
    }
    assert!(stage.trail().is_empty(), "nothing was sent: {:?}", stage.trail());
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc1_what_could_be_read_in_two_ways_goes_on_in_one() {
    let (stage, at) = on_a_socket().await;
    let hello = body("hello", "");
    let n = hello.len();
    // The chunked reading ends at the zero chunk; the other one would take what follows for the body's rest.
    let both = format!("{POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n{n:x}\r\n{hello}\r\n0\r\n\r\n");
    let bare = format!("{POST}content-length: {n}\r\n\r\n{hello}").replace("\r\n", "\n");
    for (sent, bytes) in [(1, both), (2, bare)] {
        let mut raw = Raw::connect(at).await;
        raw.send(bytes).await;
        assert!(raw.until(|text| text.contains("HTTP/1.1 ")).await);
        if raw.status() == 400 {
            assert!(raw.closes().await);
            continue;
        }
        assert_eq!(raw.status(), 200, "{}", raw.text());
        let bill = stage.sim.bill().settled(sent).await;
        let seen = bill.last().unwrap_or_else(|| panic!("no request arrived"));
        assert_eq!(seen.body.as_deref(), Some(hello.as_bytes()));
        assert_eq!(seen.header("content-length"), Some(n.to_string().as_str()), "written afresh");
        assert_eq!(seen.header("transfer-encoding"), None);
    }
}

#[tokio::test]
async fn bc3_too_long_a_head_is_431() {
    let (mut stage, at) = on_a_socket().await;
    let long = format!("x-long: {}\r\n", "l".repeat(64 * 1024));
    let many: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let just_too_many: String = (0..100).map(|n| format!("x-{n}: y\r\n")).collect();
    for head in [long, many, just_too_many] {
        let mut raw = Raw::connect(at).await;
        raw.send(chat(&head, &body("hello", ""))).await;
        assert!(raw.closes().await);
        assert!([431, 0].contains(&raw.status()), "{}", raw.text());
    }
    // A head that never ends is not read to its end.
    let mut raw = Raw::connect(at).await;
    raw.send(POST).await;
    let filler = format!("x-filler: {}\r\n", "f".repeat(8_000));
    let mut taken = 0;
    while taken < 1_300 && raw.send(&filler).await {
        taken += 1;
    }
    assert!(raw.closes().await);
    assert!(taken < 1_300, "10 MB of head were taken");
    assert!(stage.trail().is_empty());
    still_serves(&mut stage).await;
}

#[tokio::test]
async fn bc3_a_head_within_the_limits_passes() {
    let (stage, at) = on_a_socket().await;
    let head: String = (0..80).map(|n| format!("x-{n}: {}\r\n", "y".repeat(300))).collect();
    let mut raw = Raw::connect(at).await;
    raw.send(chat(&head, &body("hello", ""))).await;
    assert!(raw.until(|text| text.contains("HTTP/1.1 200")).await, "{}", raw.text());
    assert_eq!(stage.trail().len(), 1);
}

/// One byte of a head each second.
async fn drip(stage: &mut Stage, bytes: &[u8]) -> Duration {
    let (near, far) = tokio::io::duplex(PIPE);
    let began = Instant::now();
    stage.serve(far);
    let (mut read, mut write) = tokio::io::split(near);
    for byte in bytes.iter().cycle() {
        if write.write_all(&[*byte]).await.is_err() {
            break;
        }
        let mut rest = Vec::new();
        if timeout(Duration::from_secs(1), read.read_to_end(&mut rest)).await.is_ok() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it is still listened to");
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn bc4_a_head_that_drips_is_given_up_in_time() {
    let mut stage = Stage::with(ladder(&[1]));
    for (n, bytes) in [POST.as_bytes(), b"x", b"PRI * HTTP/2"].iter().enumerate() {
        let took = drip(&mut stage, bytes).await;
        assert!((Duration::from_secs(9)..Duration::from_secs(22)).contains(&took), "{n}: {took:?}");
    }
    assert!(stage.metric("sidegate_slow_heads_total") >= 1, "it is counted");
    assert_eq!(stage.sidecar.open_calls(), 0);
}

#[tokio::test]
async fn bc4_many_that_drip_do_not_delay_others() {
    let (mut stage, at) = on_a_socket().await;
    let mut dripping = Vec::new();
    for _ in 0..300 {
        let mut raw = Raw::connect(at).await;
        raw.send("POST /v1/chat").await;
        dripping.push(raw);
    }
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(stage.call(call("m", "")).await.status, 200);
    }
    // Ten calls of an unoptimised build; a delay of 5 ms each would be seen.
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn bc12_what_a_client_says_of_the_way_changes_nothing() {
    let (stage, at) = on_a_socket().await;
    let hello = body("hello", "");
    let nominated = "connection: x-api-key, authorization, x-stainless-lang\r\nauthorization: Bearer theirs\r\n\
                     x-api-key: theirs\r\nx-stainless-lang: rust\r\nx-forwarded-for: 10.0.0.1\r\n\
                     x-forwarded-host: evil.test\r\nforwarded: for=evil\r\nvia: 1.1 evil\r\nproxy-connection: close\r\n";
    let n = hello.len();
    let absolute = format!(
        "POST http://evil.test/v1/chat/completions HTTP/1.1\r\nhost: evil.test\r\ncontent-length: {n}\r\n\r\n{hello}"
    );
    let strange = chat("", &hello).replace("host: localhost", "host: evil/#@");
    for (sent, bytes) in [chat(nominated, &hello), absolute, strange].into_iter().enumerate() {
        let mut raw = Raw::connect(at).await;
        raw.send(bytes).await;
        assert!(raw.until(|text| text.contains("HTTP/1.1 ")).await);
        assert_eq!(raw.status(), 200, "{}", raw.text());
        let bill = stage.sim.bill().settled(sent + 1).await;
        let seen = &bill[sent];
        assert_eq!((seen.header("host"), seen.key.as_deref()), (Some("first.test"), Some("a")));
        for name in [
            "x-stainless-lang",
            "x-api-key",
            "x-forwarded-for",
            "x-forwarded-host",
            "forwarded",
            "via",
            "proxy-connection",
        ] {
            assert_eq!(seen.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn bc12_connect_and_trace_are_405_and_other_upgrades_501() {
    let (stage, at) = on_a_socket().await;
    let hello = body("hello", "");
    for (bytes, status) in [
        ("CONNECT evil.test:443 HTTP/1.1\r\nhost: evil.test:443\r\n\r\n".to_owned(), 405),
        ("TRACE /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 405),
        (chat("connection: upgrade\r\nupgrade: websocket\r\n", &hello), 501),
    ] {
        let mut raw = Raw::connect(at).await;
        raw.send(bytes).await;
        assert!(raw.until(|text| text.contains("HTTP/1.1 ")).await);
        assert_eq!(raw.status(), status, "{}", raw.text());
    }
    assert!(stage.trail().is_empty());
}

#[tokio::test]
async fn bc12_an_offer_of_h2c_is_ignored_and_not_forwarded() {
    let (stage, at) = on_a_socket().await;
    let offer = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    let mut raw = Raw::connect(at).await;
    raw.send(chat(offer, &body("hello", ""))).await;
    assert!(raw.until(|text| text.contains("HTTP/1.1 200")).await, "{}", raw.text());
    let bill = stage.sim.bill().settled(1).await;
    for name in ["upgrade", "http2-settings", "connection"] {
        assert_eq!(bill[0].header(name), None, "{name}");
    }
}

#[tokio::test]
async fn bc15_pipelined_calls_are_answered_in_order() {
    let (stage, at) = on_a_socket().await;
    let all: String = (0..20).map(|n| chat("", &body(&format!("number-{n}-end"), ""))).collect();
    let mut raw = Raw::connect(at).await;
    raw.send(all).await;
    assert!(raw.until(|text| text.contains("number-19-end")).await, "{}", raw.text());
    let text = raw.text();
    let places: Vec<_> = (0..20).map(|n| text.find(&format!("number-{n}-end"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    assert_eq!(stage.trail().len(), 20);
}

#[tokio::test]
async fn bc15_a_second_call_waits_for_the_stream_before_it() {
    let (stage, at) = on_a_socket().await;
    stage.sim.set_answers(sidegate_testkit::sim::Answers { pause_ms: 2, ..Default::default() });
    let mut raw = Raw::connect(at).await;
    raw.send(chat("", &body("first-one", r#","stream":true"#))).await;
    assert!(raw.until(|text| text.contains("data:")).await);
    raw.send(chat("", &body("second-one", ""))).await;
    assert!(raw.until(|text| text.contains("second-one")).await, "{}", raw.text());
    let text = raw.text();
    let (done, second) = (text.find("[DONE]"), text.rfind("HTTP/1.1 200"));
    assert!(done.is_some() && done < second, "{text}");
}

#[tokio::test]
async fn bc15_many_calls_on_one_connection_do_not_mix() {
    let mut stage = Stage::with(ladder(&[1]));
    let mut client = stage.client().await;
    for n in 0..500 {
        let request = sidegate_tests::client::post("/v1/chat/completions", body(&format!("number-{n}-end"), ""));
        let answer = client.send(request).await.unwrap_or_else(|e| panic!("{n}: {e}"));
        let answer = sidegate_tests::Answer::read(answer).await;
        assert!(answer.text().contains(&format!("number-{n}-end")), "{n}: {}", answer.text());
    }
    assert_eq!(stage.memory.opened(), 1, "and go over one connection to the provider");
}

#[tokio::test]
async fn bc17_odd_but_legal_requests_are_refused_or_served_right() {
    let (stage, at) = on_a_socket().await;
    let hello = body("hello", "");
    let as_method = |method: &str| chat("", &hello).replacen("POST", method, 1);
    for (bytes, status) in [
        (as_method("GET"), 405),
        (as_method("HEAD"), 405),
        (as_method("PUT"), 405),
        (as_method("DELETE"), 405),
        (as_method("PRI"), 405),
        (as_method("NONSENSE"), 405),
    ] {
        let mut raw = Raw::connect(at).await;
        raw.send(bytes).await;
        assert!(raw.until(|text| text.contains("HTTP/1.1 ")).await);
        assert_eq!(raw.statuses(), [status], "{}", raw.text());
        assert!(raw.closes().await, "what follows a body that was not read cannot be told apart");
    }
    assert!(stage.trail().is_empty());
    let old = chat("", &hello).replace("HTTP/1.1", "HTTP/1.0");
    let hostless = chat("", &hello).replace("host: localhost\r\n", "");
    for (sent, bytes) in [old, hostless].into_iter().enumerate() {
        let mut raw = Raw::connect(at).await;
        raw.send(bytes).await;
        assert!(raw.until(|text| text.contains("HTTP/1.")).await);
        assert_eq!(raw.status(), 200, "{}", raw.text());
        let bill = stage.sim.bill().settled(sent + 1).await;
        assert_eq!(bill[sent].header("host"), Some("first.test"));
        assert_eq!(bill[sent].body.as_deref(), Some(hello.as_bytes()));
    }
}
