//! Keys and prompts: in no output of any program, in no spelling.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use sidegate_testkit::sim::{Key, Rule, SimConfig};
use sidegate_tests::client::{post, with};

use crate::http::{Connection, ask, call, get};
use crate::{Apart, Provider, SOON, ended};

/// A key with signs that every encoding changes.
const KEY: &str = "sk-canary+Key/7\"&%=~0123456789abcdef";
/// A prompt with such signs.
const PROMPT: &str = "canary+Prompt/7\"&%=~ \u{fc}ber \u{1f426} <0123456789>";
/// What the application thinks is its key.
const OWN: &str = "app-canary-key";
/// What it puts where keys are put, too.
const QUERY: &str = "query-canary-key";

/// A text in the spellings that outputs are searched for.
fn spellings(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let json = Value::from(text).to_string();
    let ascii = |c: char| {
        if c.is_ascii() {
            c.to_string()
        } else {
            c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
        }
    };
    let quoted = json[1..json.len() - 1].to_owned();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    let percent =
        bytes.iter().map(|b| if plain(b) { char::from(*b).to_string() } else { format!("%{b:02X}") }).collect();
    let mut all = vec![text.to_owned(), quoted.clone(), quoted.chars().map(ascii).collect(), percent];
    all.push(bytes.iter().map(|b| format!("{b:02x}")).collect());
    all.push(format!("{bytes:?}").trim_matches(['[', ']']).to_owned());
    for skipped in 0..3 {
        // Whatever stands before it: the groups of three bytes that are wholly of the text.
        let whole = (bytes.len() - skipped) / 3 * 3;
        let code = base64(&bytes[skipped..skipped + whole]);
        all.push(code.replace('+', "-").replace('/', "_"));
        all.push(code);
    }
    all
}

fn base64(bytes: &[u8]) -> String {
    let sign =
        |six: u32| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[six as usize & 63]);
    let group = |c: &[u8]| c.iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
    bytes.chunks_exact(3).map(group).flat_map(|g| [18, 12, 6, 0].map(|shift| sign(g >> shift))).collect()
}

#[test]
fn a_canary_is_found_in_every_spelling() {
    assert_eq!(base64(b"Sidegate!"), "U2lkZWdhdGUh");
    let found = spellings("a\"/\u{fc}?");
    for spelling in
        ["a\"/\u{fc}?", "a\\\"/\u{fc}?", "a\\\"/\\u00fc?", "a%22%2F%C3%BC%3F", "61222fc3bc3f", "YSIvw7w_", "97, 34, 47"]
    {
        assert!(found.iter().any(|f| f.contains(spelling)), "{spelling} is not in {found:?}");
    }
}

/// Everything that was put out, by name.
struct Outputs(Vec<(String, String)>);

impl Outputs {
    fn add(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.0.push((name.into(), text.into()));
    }

    fn files(&mut self, directory: &Path) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                self.add(path.display().to_string(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            }
        }
    }

    fn hold_none_of(&self, canary: &str) {
        for spelling in spellings(canary) {
            for (name, text) in &self.0 {
                // The key of a call may be cut, but half of it is too much as well.
                let half: String = spelling.chars().take(spelling.chars().count() * 2 / 3).collect();
                assert!(!text.contains(&half), "{name} holds {half}");
            }
        }
    }
}

/// Calls of all kinds of end, each with the canaries wherever they could be.
fn calls() -> Vec<Request<Full<Bytes>>> {
    let turn = json!([{"role": "user", "content": PROMPT}]);
    let body = |model: &str, stream: bool| {
        json!({"model": model, "stream": stream, "messages": turn, "user": PROMPT}).to_string()
    };
    let chat = |body: String| post(&format!("/v1/chat/completions?key={QUERY}"), body);
    let mut all = vec![
        chat(body("gpt-4o", false)),
        chat(body("gpt-4o", true)),
        chat(body("gpt-nothing", false)),
        // Not to be read.
        chat(body("gpt-4o", false).replace("\"messages\":[", "\"messages\":[[[")),
        chat(format!("{{\"model\": \"gpt-4o\", \"max_tokens\": \"{}\"}}", PROMPT.replace('"', "'"))),
        post("/v1/chat/completions", body("gpt-4o", false).into_bytes()[..40].to_vec()),
        post("/v1/nothing", body("gpt-4o", false)),
        post("/v1/embeddings", json!({"model": "gpt-4o", "input": PROMPT}).to_string()),
        post("/v1/messages", json!({"model": "claude", "messages": turn, "max_tokens": 9}).to_string()),
    ];
    for request in &mut all {
        let headers = request.headers_mut();
        for name in ["x-api-key", "x-goog-api-key", "api-key", "x-user-note"] {
            headers.insert(name, HeaderValue::from_static(OWN));
        }
        headers.insert("cookie", HeaderValue::from_static("session=app-canary-key"));
    }
    all.push(with(post("/v1/chat/completions", body("gpt-4o", true)), "x-sim-events", "5"));
    all
}

#[tokio::test]
async fn no_key_and_no_prompt_is_in_any_output() {
    // It says in its refusals what it was sent, as some providers do.
    let keys = vec![Key::new("canary", KEY)];
    let provider = Provider::with(SimConfig { keys, bill_bodies: false, ..SimConfig::default() }).await;
    let objects = provider.objects(KEY);
    let mut apart = Apart::start(&objects).await;
    let mut outputs = Outputs(Vec::new());
    for request in calls() {
        let answer = call(apart.calls, request).await.unwrap();
        outputs.add("an answer's head", format!("{:?}", answer.headers));
        let (status, text) = (answer.status, answer.text().to_owned());
        assert!(!spellings(KEY).iter().any(|key| text.contains(key)), "{status}: {text}");
    }
    assert!(provider.sim.bill().entries().iter().any(|e| e.key.as_deref() == Some("canary")), "the key was used");
    // The provider breaks, in ways that reach logs; a client leaves.
    let quoting = json!({"error": {"message": format!("{KEY} {PROMPT}")}});
    let faults = [
        json!({"kind": "status", "status": 500, "body": quoting.to_string()}),
        json!({"kind": "status", "status": 400, "body": quoting.to_string()}),
        json!({"kind": "status", "status": 401, "body": quoting.to_string()}),
        json!({"kind": "cut", "at_byte": 40}),
        json!({"kind": "garbage_event", "after_event": 1}),
    ];
    for fault in faults {
        provider.sim.add_faults(vec![Rule::times(1, serde_json::from_value(fault).unwrap())]);
        let _ = call(apart.calls, calls().swap_remove(1)).await;
    }
    let mut leaving = Connection::open(apart.calls).await.unwrap();
    let _ = leaving.send(calls().swap_remove(1)).await;
    drop(leaving);
    // Keys that are refused, where reasons are written.
    for bad in [format!("{KEY} {KEY}"), format!("{KEY}\u{fc}"), KEY.repeat(1000)] {
        objects.write("secret.yaml", sidegate_tests::objects::secret(&bad));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    objects.write(
        "secret.yaml",
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: openai, namespace: sidegate-system}}\ndata: [{}]\n",
            Value::from(KEY)
        ),
    );
    tokio::time::sleep(Duration::from_millis(400)).await;
    gather(&mut outputs, &apart).await;
    for program in [&apart.sidecar, &apart.controller] {
        program.signal("TERM");
    }
    assert_eq!(ended(&mut apart.sidecar, SOON).await, Some(0));
    assert_eq!(ended(&mut apart.controller, SOON).await, Some(0));
    outputs.files(apart.state.path());
    for program in [apart.sidecar, apart.controller] {
        let name = program.name().to_owned();
        let (said, told) = program.whole();
        outputs.add(format!("{name}'s output"), said);
        outputs.add(format!("{name}'s errors"), told);
    }
    let seen = |name: &str, part: &str| outputs.0.iter().any(|(n, text)| n.contains(name) && text.contains(part));
    assert!(seen("audit.jsonl", "gpt-4o") && seen("policy.pb", "openai") && seen("/calls", "gpt-4o"));
    assert!(seen("sidegate-controller's errors", "Secret"), "the refused keys are told of");
    for canary in [KEY, PROMPT, OWN, QUERY] {
        outputs.hold_none_of(canary);
    }
}

/// What ports and sockets show while the programs run.
async fn gather(outputs: &mut Outputs, apart: &Apart) {
    for at in [apart.health, apart.control_health] {
        for path in ["/readyz", "/metrics"] {
            outputs.add(format!("{at}{path}"), get(at, path).await.unwrap().text());
        }
    }
    let socket = apart.state.path().join("admin.sock");
    for path in ["/status", "/calls"] {
        outputs.add(format!("the admin socket's {path}"), ask(&socket, path).await.unwrap().text());
    }
}
