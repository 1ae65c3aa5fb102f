//! The generated file is held against the crate, and derived prices against the crate's own arithmetic.

use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};
use jiff::civil::date;
use sidegate_policy::{Endpoint, PriceRule};

use super::{Matchers, PriceBook};

const DAY: jiff::civil::Date = date(2026, 11, 21);

fn endpoint(host: &str) -> Endpoint {
    Endpoint { tls: true, host: host.into(), port: 443, path: "/v1".into() }
}

fn rules(host: &str) -> std::sync::Arc<[PriceRule]> {
    PriceBook::of(DAY).unwrap().rules_for(&endpoint(host))
}

fn find<'a>(rules: &'a [PriceRule], name: &str) -> Option<&'a PriceRule> {
    rules.iter().find(|r| r.matches.matches(&name.to_ascii_lowercase()))
}

#[test]
fn the_file_was_made_from_the_crate_that_is_locked() {
    let lock = include_str!("../../../../Cargo.lock");
    let locked = lock.split("[[package]]").find(|p| p.contains("name = \"genai-prices\"\n")).unwrap();
    let version = format!("version = \"{}\"", Matchers::bundled().unwrap().crate_version);
    assert!(locked.contains(&version), "run crates/controller/data/extract.py: {locked}");
}

#[test]
fn every_model_of_the_file_is_in_the_catalogue_and_has_a_price() {
    let (matchers, calculator) = (Matchers::bundled().unwrap(), Calculator::bundled());
    for (provider, models) in &matchers.providers {
        let info = calculator.find_provider(Some(provider), None).unwrap().unwrap();
        for model in &models.models {
            assert!(info.models().any(|m| m.id() == model.id), "{provider}/{}", model.id);
        }
    }
    for (provider, models) in
        matchers.providers.iter().filter(|(id, _)| ["openai", "anthropic", "google", "deepseek"].contains(&id.as_str()))
    {
        let priced = matchers.rules(provider, calculator, DAY);
        for model in &models.models {
            assert!(priced.iter().any(|r| *r.model == *model.id), "{provider}/{} has no price", model.id);
        }
    }
}

/// What the crate says a call costs, in billionths of a dollar.
fn theirs(provider: &str, model: &str, usage: &[(UsageKey, u32)]) -> f64 {
    let usage = usage.iter().map(|(k, n)| (k.clone(), f64::from(*n))).collect::<Vec<_>>();
    let mut all = Usage::new();
    for (key, count) in usage {
        all.insert(key, count);
    }
    // Noon of the day.
    let when = UNIX_EPOCH + Duration::from_secs(1_795_262_400);
    let request = PriceRequest::new(model, &all).with_provider_id(provider).with_timestamp(when);
    Calculator::bundled().calculate(&request).unwrap().total_price * 1e9
}

#[test]
fn derived_prices_are_the_crates_prices() {
    let sample = [
        ("openai", "api.openai.com", "gpt-4o-mini"),
        ("openai", "api.openai.com", "gpt-4o-2024-11-20"),
        ("openai", "api.openai.com", "GPT-5"),
        ("openai", "api.openai.com", "o3"),
        ("openai", "api.openai.com", "text-embedding-3-small"),
        ("openai", "api.openai.com", "gpt-5.4-2026-03-05"),
        ("anthropic", "api.anthropic.com", "claude-haiku-4-5"),
        ("anthropic", "api.anthropic.com", "claude-sonnet-4-5-20250929"),
        ("anthropic", "api.anthropic.com", "claude-haiku-5-5"),
        ("google", "generativelanguage.googleapis.com", "gemini-2.5-flash"),
        ("google", "generativelanguage.googleapis.com", "gemini-2.5-pro"),
    ];
    for (provider, host, model) in sample {
        let rules = rules(host);
        let price = &find(&rules, model).unwrap_or_else(|| panic!("{model}")).price;
        for prompt in [12_345_u32, 250_001, 300_000] {
            let usage =
                [(UsageKey::INPUT_TOKENS, prompt), (UsageKey::CACHE_READ_TOKENS, 3000), (UsageKey::OUTPUT_TOKENS, 777)];
            let expected = theirs(provider, model, &usage);
            let ours = price.cost(&sidegate_policy::Usage {
                input_total: prompt.into(),
                output_total: 777,
                cache_read: Some(3000),
                ..Default::default()
            });
            let ours = f64::from(u32::try_from(ours.0).unwrap_or(u32::MAX));
            assert!((ours - expected).abs() <= 4.0, "{model} at {prompt}: {ours} is not {expected}");
        }
    }
}

#[test]
fn names_are_taken_as_the_crate_takes_them() {
    let calculator = Calculator::bundled();
    let usage = Usage::from([(UsageKey::INPUT_TOKENS, 1.0)]);
    for (provider, host) in [
        ("openai", "api.openai.com"),
        ("anthropic", "api.anthropic.com"),
        ("google", "generativelanguage.googleapis.com"),
    ] {
        let rules = rules(host);
        let names: Vec<String> = rules
            .iter()
            .flat_map(|r| {
                let id = r.model.to_string();
                [id.clone(), format!("{id}-latest"), format!("{id}-2025-01-01"), format!("{id}-tts"), format!("x-{id}")]
            })
            .chain(
                ["gpt-4o-transcribe", "whisper-1", "tts-1", "nothing-at-all", "gemini-3-pro-tts-x"].map(str::to_owned),
            )
            .collect();
        for name in names {
            let request = PriceRequest::new(&name, &usage)
                .with_provider_id(provider)
                .with_timestamp(UNIX_EPOCH + Duration::from_secs(1_795_262_400));
            let theirs = calculator.calculate(&request).ok().map(|c| c.model_id);
            let ours = find(&rules, &name).map(|r| r.model.to_string());
            // What is priced by the hour or the character has no price here.
            if ours.is_some() || theirs.as_ref().is_some_and(|id| rules.iter().any(|r| *r.model == **id)) {
                assert_eq!(ours, theirs, "{provider}: {name}");
            }
        }
    }
}

#[test]
fn a_price_by_the_hour_is_taken_at_its_dearest() {
    let rules = rules("api.deepseek.com");
    let price = &find(&rules, "deepseek-v4-pro").unwrap().price;
    for hour in 0..24 {
        let when = UNIX_EPOCH + Duration::from_secs(1_795_219_200 + hour * 3600);
        let usage = Usage::from([(UsageKey::INPUT_TOKENS, 1_000_000.0)]);
        let request = PriceRequest::new("deepseek-v4-pro", &usage).with_provider_id("deepseek").with_timestamp(when);
        let theirs = Calculator::bundled().calculate(&request).unwrap().total_price * 1e9;
        assert!(f64::from(u32::try_from(price.rates.input.0).unwrap()) + 1.0 >= theirs, "hour {hour}");
    }
}

#[test]
fn places_that_the_list_does_not_know_have_no_prices() {
    assert!(rules("127.0.0.1").is_empty());
    assert!(rules("llm.corp.example").is_empty());
}

#[test]
fn what_is_not_billed_by_tokens_is_not_free() {
    assert!(find(&rules("api.openai.com"), "whisper-1").is_none());
}

#[test]
fn the_version_names_the_list_and_the_day() {
    assert_eq!(&*PriceBook::of(DAY).unwrap().version(), "genai-prices 0.2.1 2026-11-21");
}
