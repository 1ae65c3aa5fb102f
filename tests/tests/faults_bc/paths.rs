//! Paths that two readers could read in two ways (BC13).

use sidegate_tests::raw::{Raw, body, chat};

use super::on_a_socket;

#[tokio::test]
async fn bc13_no_path_reaches_a_provider_but_by_its_one_reading() {
    let (stage, at) = on_a_socket().await;
    for path in [
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/../admin",
        "/v1/chat/../chat/completions",
        "/v1/./chat/completions",
        "/v1/%2e%2e/v1/chat/completions",
        "/v1/chat%2fcompletions",
        "/v1/chat/completions;x=1",
        "/v1/chat/completions%00",
        "/v1/chat/%63ompletions",
        "/v1\\chat\\completions",
        "/v1/chat/completions/extra",
        "/V1/chat/completions",
        "/v1/chat/completions/..",
        "/v1/models/m:generateContent/..",
        "/v1beta/models/..:generateContent",
        "/v1beta/models/a%2fb:generateContent",
        "/v1/files",
        "/_sim/bill",
        "/admin",
        "/",
        "*",
    ] {
        let mut raw = Raw::connect(at).await;
        raw.send(chat("", &body("hello", "")).replacen("/v1/chat/completions", path, 1)).await;
        assert!(raw.until(|text| text.contains("HTTP/1.1 ")).await, "{path}");
        assert!([400, 404, 405].contains(&raw.status()), "{path}: {}", raw.text());
    }
    assert!(stage.trail().is_empty(), "{:?}", stage.trail());
}

#[tokio::test]
async fn bc13_bytes_that_are_no_path_are_no_path() {
    let (stage, at) = on_a_socket().await;
    for path in [
        &b"/v1/chat/completions\xe2\x80\xa4"[..],
        b"/v1/\xef\xbc\x8e\xef\xbc\x8e/chat/completions",
        b"/v1/chat/comp\xffletions",
    ] {
        let mut raw = Raw::connect(at).await;
        let request = chat("", &body("hello", ""));
        let rest = request.strip_prefix("POST /v1/chat/completions").unwrap_or_default();
        raw.send([b"POST ", path, rest.as_bytes()].concat()).await;
        assert!(raw.until(|text| text.contains("HTTP/1.1 ")).await);
        assert!([400, 404].contains(&raw.status()), "{}", raw.text());
    }
    assert!(stage.trail().is_empty());
}

#[tokio::test]
async fn bc13_a_known_path_goes_upstream_as_its_providers_own() {
    let (stage, at) = on_a_socket().await;
    for (n, path) in
        ["/v1/chat/completions", "/chat/completions", "/openai/v1/chat/completions/", "/v1/chat/completions?a=../b"]
            .into_iter()
            .enumerate()
    {
        let mut raw = Raw::connect(at).await;
        raw.send(chat("", &body("hello", "")).replacen("/v1/chat/completions", path, 1)).await;
        assert!(raw.until(|text| text.contains("HTTP/1.1 200")).await, "{path}: {}", raw.text());
        let bill = stage.sim.bill().settled(n + 1).await;
        assert_eq!(bill[n].path, "/v1/chat/completions");
    }
}
