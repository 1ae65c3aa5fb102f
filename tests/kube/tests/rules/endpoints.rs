//! Endpoints, with keys and without.

use serde_json::{Value, json};

use super::case::Case;
use super::case::Verdict::{Refused, Taken};
use super::{PLATFORM, SHOP};

const FORM: &str = "must be a URL such as https://api.example.com/v1";
const PATH: &str = "must have a plain path";
const HOST: &str = "must have a host that is a DNS name or a plain address";
const METADATA: &str = "must not be a metadata service or a link-local address";
const ENCRYPTED: &str = "must be https while there are credentials, unless spec.network.plaintext is true";
const PUBLIC: &str = "must not be localhost or an address while there are credentials";

/// Plain places, for a provider without keys.
const TAKEN: [&str; 14] = [
    "https://api.openai.com/v1",
    "http://vllm.shop.svc:8000/v1/",
    "http://[::1]:4790/v1",
    "http://127.0.0.1:1",
    "https://API.Example.com.:65535/openai/v1",
    "https://my_llm.example.com/a/b-c/d~e",
    "http://localhost:11434",
    "https://10.0.0.1/v1",
    "https://[2001:db8::1]/v1",
    "https://api.openai.com/a[1]/b@c:d",
    "https://1.example.com",
    "https://0x1.example.com",
    "https://api.openai.com/...",
    "http://[64:ff9b::808:808]/v1",
];

const WITHOUT_FORM: [&str; 18] = [
    "api.openai.com",
    "ftp://api.openai.com",
    "HTTPS://api.openai.com",
    "https://user:hunter2@api.openai.com",
    "https://api.openai.com/v1?key=hunter2",
    "https://api.openai.com/v1#x",
    "https://api.openai.com:0",
    "https://api.openai.com:65536",
    "https://api.openai.com:99999",
    "https://api.openai.com:",
    "https://api.openai.com:x",
    "https://bücher.example",
    "https://[::1",
    "https://[10.0.0.1]",
    "https://a b.com",
    "https://api.openai.com/%2e",
    "https://api.openai.com\\@evil.com",
    "https://a\u{0}b.com",
];

const WITHOUT_PATH: [&str; 5] = [
    "https://api.openai.com/../x",
    "https://api.openai.com/v1/.",
    "https://api.openai.com//x",
    "https://api.openai.com/x//",
    "https://api.openai.com/./x",
];

const WITHOUT_HOST: [&str; 11] = [
    "https://-a.com",
    "https://a-.com",
    "https://api..com",
    "https://.com",
    "https://",
    "https:///v1",
    "http://2852039166",
    "http://0xa9fea9fe",
    "http://169.254.43518",
    "http://127.0.0.1.",
    "http://[::ffff:10.0.0.1]",
];

const OF_METADATA: [&str; 17] = [
    "169.254.169.254",
    "169.254.1.1:8080",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::6464:64c8]",
    "[fe80::1]",
    "[febf::1]:80",
    "[fd00:ec2::254]",
    "[fd00:0ec2:0:0:0:0:0:0254]",
    "[ff02::1]",
    "[::]",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata",
    "instance-data.ec2.internal:80",
    "100.100.100.200",
    "0.0.0.0",
    "224.0.0.1",
];

fn keyed(endpoint: &str, network: &Value) -> Value {
    let credentials = json!([{"name": "a", "secretRef": {"name": "s", "key": "k"}}]);
    json!({"dialect": "OpenAI", "endpoint": endpoint, "network": network, "credentials": credentials})
}

pub fn cases() -> Vec<Case> {
    let keyless = |url: &str| json!({"dialect": "OpenAI", "endpoint": url});
    let (closed, open) = (json!({}), json!({"plaintext": true, "privateAddresses": true}));
    let mut cases = Vec::new();
    for (urls, verdict) in [
        (&TAKEN[..], Taken),
        (&WITHOUT_FORM, Refused(FORM)),
        (&WITHOUT_PATH, Refused(PATH)),
        (&WITHOUT_HOST, Refused(HOST)),
    ] {
        cases.extend(urls.iter().map(|url| Case::provider(SHOP, keyless(url), verdict.clone())));
    }
    for host in OF_METADATA {
        cases.push(Case::provider(PLATFORM, keyed(&format!("http://{host}/v1"), &open), Refused(METADATA)));
        cases.push(Case::provider(SHOP, keyless(&format!("https://{host}")), Refused(METADATA)));
    }
    // Refused by both, for different reasons.
    for odd in ["http://[::ffff:169.254.169.254]", "http://[1::2::3]"] {
        cases.push(Case::provider(SHOP, keyless(odd), Refused("must")));
    }
    for host in ["localhost", "a.LOCALHOST.", "127.0.0.1", "[::1]", "8.8.8.8:443", "10.0.0.1"] {
        cases.push(Case::provider(PLATFORM, keyed(&format!("https://{host}/v1"), &closed), Refused(PUBLIC)));
        cases.push(Case::provider(PLATFORM, keyed(&format!("https://{host}/v1"), &open), Taken));
    }
    cases.extend([
        Case::provider(SHOP, keyed("https://llm.example.com", &closed), Taken),
        Case::provider(SHOP, keyed("http://llm.example.com", &closed), Refused(ENCRYPTED)),
        Case::provider(PLATFORM, keyed("http://llm.example.com", &json!({"plaintext": true})), Taken),
        Case::provider(PLATFORM, keyed("http://10.0.0.1", &json!({"plaintext": true})), Refused(PUBLIC)),
        Case::provider(SHOP, keyless(&format!("https://{}.com", "a".repeat(64))), Refused(HOST)),
        Case::provider(SHOP, keyless(&format!("https://{}.com", "a".repeat(63))), Taken),
    ]);
    cases
}
