//! Prices: from the public list, through the snapshot, to what a call is said to cost.

use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};
use sidegate_tests::client::{chat, message};
use sidegate_tests::objects::{Folder, secret};
use sidegate_tests::plane::DAY;

use crate::Whole;

/// The real providers' addresses, and one price that the platform knows better.
const PUBLIC: &str = r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: openai, namespace: sidegate-system}
spec:
  dialect: OpenAI
  credentials: [{name: main, secretRef: {name: openai, key: key}}]
  access: {namespaces: {from: All}}
  models:
  - {name: gpt-4o, price: {input: "7", output: "11.5"}}
---
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: anthropic, namespace: sidegate-system}
spec:
  dialect: Anthropic
  credentials: [{name: main, secretRef: {name: openai, key: key}}]
  access: {namespaces: {from: All}}
"#;

fn public() -> Folder {
    let folder = Folder::new("objects");
    folder.write("providers.yaml", PUBLIC);
    folder.write("secret.yaml", secret("sim-key-a"));
    folder
}

/// What the list says, in nano-dollars.
fn listed(provider: &str, model: &str, input: u64, output: u64) -> f64 {
    let count = |n: u64| f64::from(u32::try_from(n).unwrap());
    let usage = Usage::from([(UsageKey::INPUT_TOKENS, count(input)), (UsageKey::OUTPUT_TOKENS, count(output))]);
    let when = UNIX_EPOCH + Duration::from_secs(u64::try_from(DAY).unwrap());
    let request = PriceRequest::new(model, &usage).with_provider_id(provider).with_timestamp(when);
    Calculator::bundled().calculate(&request).unwrap().total_price * 1e9
}

#[tokio::test(start_paused = true)]
async fn known_models_have_the_prices_of_the_list_in_the_snapshot() {
    let whole = Whole::up(public()).await;
    let armed = whole.stage.sidecar.armed.load();
    let snapshot = &armed.as_ref().unwrap().snapshot;
    assert!(snapshot.price_version.starts_with("genai-prices ") && snapshot.price_version.ends_with(" 2026-11-21"));
    let known = [
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-4.1"),
        ("openai", "o3"),
        ("openai", "text-embedding-3-small"),
        ("anthropic", "claude-haiku-4-5"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
    ];
    for (provider, model) in known {
        let provider = snapshot.providers.iter().find(|p| &*p.name == provider).unwrap();
        let price = provider.known(model).price.unwrap_or_else(|| panic!("{model} has no price"));
        let usage = sidegate_policy::Usage { input_total: 100_000, output_total: 1_000, ..Default::default() };
        let (ours, theirs) = (price.cost(&usage).0 as f64, listed(&provider.name, model, 100_000, 1_000));
        assert!((ours - theirs).abs() <= 2.0, "{model}: {ours} is not {theirs}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_costs_what_the_list_says_for_what_the_provider_billed() {
    let mut whole = Whole::up(public()).await;
    for (request, provider, model) in [
        (chat("gpt-4o-mini", ""), "openai", "gpt-4o-mini"),
        (message("claude-haiku-4-5", ""), "anthropic", "claude-haiku-4-5"),
    ] {
        assert_eq!(whole.stage.call(request).await.status, 200);
        let told = whole.stage.line().await["cost_nanodollars"].as_f64().unwrap();
        let bill = whole.stage.sim.bill().entries().pop().unwrap();
        let expected = listed(provider, model, bill.prompt_tokens, bill.output_tokens);
        assert!((told - expected).abs() <= 1.0 && told > 0.0, "{model}: {told} is not {expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_platforms_own_price_wins_over_the_list() {
    let mut whole = Whole::up(public()).await;
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.status, 200);
    let told = whole.stage.line().await["cost_nanodollars"].as_u64().unwrap();
    let bill = whole.stage.sim.bill().entries().pop().unwrap();
    assert_eq!(told, bill.prompt_tokens * 7_000 + bill.output_tokens * 11_500);
}
