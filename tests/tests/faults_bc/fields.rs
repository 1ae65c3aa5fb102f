//! Bodies whose fields are impossible, said twice, or not to be bounded; and what a client may say of itself
//! (BC8, BC9, BC10, BC11, BC14).

use std::collections::HashSet;

use serde_json::Value;
use sidegate_policy::{Dialect, Snapshot};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, generate, message, post, with};
use sidegate_tests::policy::{ladder, provider, snapshot};

fn one_of_each() -> Snapshot {
    snapshot(Dialect::ALL.map(|d| provider(&d.as_str().to_lowercase(), d, 1)).to_vec())
}

#[tokio::test(start_paused = true)]
async fn bc8_broken_json_is_400_in_the_callers_dialect() {
    let deep = format!(r#"{{"model":"m","messages":{}"#, "[".repeat(100_000));
    let closed = format!(r#"{{"model":"m","messages":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"m\"",
        "{\"model\":\"m\"",
        "{\"model\":\"m\",}",
        "{\"model\":\"m\"}}",
        "{\"model\":\"m\"} {}",
        "{'model':'m'}",
        "{\"model\":\"m\",\"stream\":NaN}",
        "{\"model\":\"m\",\"stream\":\"yes\"}",
        "{\"model\":\"m\",\"max_tokens\":1e400}",
        "{\"model\":\"m\",\"max_tokens\":99999999999999999999}",
        "{\"model\":\"m\",\"max_tokens\":1.5}",
        "{\"model\":\"\\x\"}",
        "{\"model\":\"\\ud800\"}",
        "{\"model\":7}",
        deep.as_str(),
        closed.as_str(),
    ] {
        let mut stage = Stage::with(one_of_each());
        for path in ["/v1/chat/completions", "/v1/messages"] {
            let answer = stage.call(post(path, body.to_owned())).await;
            let shown = body.get(..60).unwrap_or(body);
            assert_eq!(answer.status, 400, "{path} {shown}: {}", answer.text());
            assert_eq!(answer.class(), "request_invalid");
            assert_eq!(answer.header("x-should-retry"), "false");
            assert!(answer.json()["error"]["message"].is_string(), "{}", answer.text());
        }
        assert!(stage.trail().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn bc8_bytes_that_are_no_utf8_in_an_acted_on_field_are_400() {
    let mut stage = Stage::with(one_of_each());
    let answer = stage.call(post("/v1/chat/completions", b"{\"model\":\"m\xff\"}".to_vec())).await;
    assert_eq!(answer.status, 400);
    assert!(stage.trail().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bc8_what_is_said_twice_is_refused() {
    let mut stage = Stage::with(one_of_each());
    for (path, body) in [
        ("/v1/chat/completions", r#"{"model":"m","messages":[],"model":"other"}"#),
        ("/v1/chat/completions", r#"{"model":"m","messages":[],"\u006dodel":"other"}"#),
        ("/v1/chat/completions", r#"{"model":"m","messages":[],"MODEL":"other"}"#),
        ("/v1/chat/completions", r#"{"model":"m","messages":[],"stream":true,"stream":false}"#),
        ("/v1/chat/completions", r#"{"model":"m","messages":[],"max_tokens":1,"max_tokens":9}"#),
        ("/v1/responses", r#"{"model":"m","input":"a","model":"m"}"#),
        ("/v1/messages", r#"{"model":"m","max_tokens":1,"messages":[],"max_tokens":9}"#),
        ("/v1/messages", r#"{"model":"m","max_tokens":1,"messages":[],"model":"x"}"#),
    ] {
        let answer = stage.call(post(path, body)).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    assert!(stage.trail().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bc8_oddities_in_fields_that_nobody_reads_pass() {
    let long = "s".repeat(10 << 20);
    let mut stage = Stage::with(ladder(&[1]));
    for more in [
        r#","metadata":{"a":"\ud800"}"#.to_owned(),
        r#","seed":123456789012345678901234567890"#.to_owned(),
        r#","temperature":1e-400"#.to_owned(),
        r#","x":{"a":1,"a":2}"#.to_owned(),
        format!(r#","user":"{long}""#),
    ] {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hello"}}]{more}}}"#);
        drop(stage.call(post("/v1/chat/completions", body.clone())).await);
        let seen = stage.sim.bill().entries().pop().and_then(|e| e.body).unwrap_or_default();
        assert!(seen == body, "not as it came: {}", more.get(..60).unwrap_or(&more));
    }
}

#[tokio::test(start_paused = true)]
async fn bc9_a_model_that_cannot_be_is_refused() {
    let mut stage = Stage::with(one_of_each());
    let long = "m".repeat(10_000);
    for model in ["", "m\\u0000", "m\\n", "\\u0085", long.as_str()] {
        let answer = stage.call(chat(model, "")).await;
        assert_eq!(answer.status, 400, "{model:.20}: {}", answer.text());
    }
    let absent = stage.call(post("/v1/chat/completions", r#"{"messages":[]}"#)).await;
    assert_eq!(absent.json()["error"]["param"], "model");
    assert!(stage.trail().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bc9_a_model_that_nobody_allows_is_403_with_names_that_would_work() {
    let mut policy = ladder(&[1]);
    policy.allow.push(sidegate_tests::policy::list(&["m"]));
    let mut stage = Stage::with(policy);
    let answer = stage.call(chat("does-not-exist", "")).await;
    assert_eq!((answer.status.as_u16(), answer.class()), (403, "model_not_allowed"));
    assert!(answer.text().contains("Models that would work: m."), "{}", answer.text());
    assert_eq!(answer.header("x-should-retry"), "false");
}

#[tokio::test(start_paused = true)]
async fn bc9_unknown_models_make_no_new_series() {
    let mut stage = Stage::simple();
    let series = |stage: &Stage| {
        let mut text = String::new();
        stage.sidecar.metrics.encode(&mut text);
        text.lines().filter(|line| !line.starts_with('#')).count()
    };
    stage.call(chat("made-up-0", "")).await;
    let before = series(&stage);
    for n in 1..300 {
        stage.call(chat(&format!("made-up-{n}"), "")).await;
    }
    assert_eq!(series(&stage), before);
}

#[tokio::test(start_paused = true)]
async fn bc10_every_call_has_a_bound_and_it_holds() {
    let base = r#""model":"m","messages":[{"role":"user","content":"hello"}]"#;
    let image = r#""model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://e.test/i.png"}}]}]"#;
    let tools = r#""tools":[{"type":"web_search"}]"#;
    for (path, body, output) in [
        ("/v1/chat/completions", format!("{{{base}}}"), 16_384),
        ("/v1/chat/completions", format!(r#"{{{base},"max_tokens":0}}"#), 16_384),
        ("/v1/chat/completions", format!(r#"{{{base},"max_tokens":-5}}"#), 16_384),
        ("/v1/chat/completions", format!(r#"{{{base},"max_tokens":null}}"#), 16_384),
        ("/v1/chat/completions", format!(r#"{{{base},"max_tokens":7}}"#), 7),
        ("/v1/chat/completions", format!(r#"{{{base},"max_tokens":7,"max_completion_tokens":9}}"#), 9),
        ("/v1/chat/completions", format!(r#"{{{base},"max_tokens":1000000}}"#), 16_384),
        ("/v1/chat/completions", format!(r#"{{{base},"max_tokens":10,"n":128}}"#), 1_280),
        ("/v1/chat/completions", format!(r#"{{{base},"service_tier":"priority"}}"#), 16_384),
        ("/v1/chat/completions", format!("{{{image}}}"), 16_384),
        ("/v1/completions", r#"{"model":"m","prompt":"hi","max_tokens":10,"best_of":4}"#.into(), 40),
        ("/v1/responses", r#"{"model":"m","input":"hi","previous_response_id":"resp_1"}"#.into(), 16_384),
        ("/v1/responses", format!(r#"{{"model":"m","input":"hi","max_output_tokens":12,{tools}}}"#), 12),
    ] {
        let mut stage = Stage::with(ladder(&[1]));
        drop(stage.call(post(path, body.clone())).await);
        let line = stage.line().await;
        let (input, bound) = (line["input_bound"].as_u64(), line["output_bound"].as_u64());
        assert_eq!(bound, Some(output), "{body}: {line}");
        assert!(input > Some(0) && input <= Some(128_000), "{body}: {line}");
        let elsewhere = ["image_url", "previous_response_id", "web_search"].iter().any(|word| body.contains(word));
        assert_eq!(input == Some(128_000), elsewhere, "what the body refers to may fill the window: {body}");
        assert_eq!(line["anomalies"], Value::Null, "{body}: {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn bc11_no_credential_of_the_application_goes_anywhere() {
    let canary = "canary-0123456789";
    let requests = || {
        let forms = [
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "proxy-authorization",
            "cookie",
            "x-amz-security-token",
            "x-auth-token",
            "anthropic-auth-token",
            "openai-api-key",
            "openai-organization",
            "openai-project",
            "x-portkey-api-key",
        ];
        let bare =
            [chat("gpt-4o", ""), message("claude-haiku-4-5", ""), generate("gemini-2.5-flash", "generateContent")];
        bare.map(|request| {
            let mut request = with(request, "authorization", &format!("Bearer {canary}"));
            for form in forms {
                request = with(request, form, canary);
            }
            let path = format!("{}?key={canary}&api_key={canary}&access_token={canary}", request.uri().path());
            *request.uri_mut() = path.parse().unwrap_or_default();
            request
        })
    };
    let mut stage = Stage::with(one_of_each());
    for request in requests() {
        let answer = stage.call(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains(canary));
    }
    for entry in stage.sim.bill().entries() {
        assert_eq!(entry.key.as_deref(), Some("a"), "only our key");
        let all = format!("{:?} {}", entry.headers, entry.path);
        assert!(!all.contains(canary), "{all}");
        let hidden = entry.headers.iter().filter(|(_, value)| value == "***").count();
        assert_eq!(hidden, 1, "one form of a key: {:?}", entry.headers);
        for name in ["proxy-authorization", "cookie", "openai-organization", "openai-project"] {
            assert_eq!(entry.header(name), None, "{name}");
        }
    }
    stage.settled().await;
    let mut text = format!("{:?}", stage.audit());
    stage.sidecar.metrics.encode(&mut text);
    text.push_str(&String::from_utf8_lossy(&stage.sidecar.recent.all()));
    assert!(!text.contains(canary) && !text.contains("sim-key-a"));
}

#[tokio::test(start_paused = true)]
async fn bc14_our_id_is_our_own_whatever_the_client_says() {
    let mut stage = Stage::with(ladder(&[1]));
    let mut ids = HashSet::new();
    for n in 0..300 {
        let theirs = if n % 2 == 0 { "the-same".to_owned() } else { "8".repeat(8_000) };
        let answer = stage.call(with(chat("m", ""), "x-request-id", &theirs)).await;
        let id = answer.header("x-sidegate-request-id").to_owned();
        assert_eq!(id.len(), 32);
        ids.insert(id);
    }
    stage.settled().await;
    let lines = stage.audit();
    let told: HashSet<String> = lines.iter().filter_map(|l| l["request_id"].as_str().map(str::to_owned)).collect();
    assert_eq!((ids.len(), &told), (300, &ids), "as many lines, and no two alike");
    assert!(lines.iter().all(|line| line.to_string().len() < 4_000));
}
