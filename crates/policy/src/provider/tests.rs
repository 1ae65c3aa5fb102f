//! What is known of a model: the platform's entries before the price list, closer entries before broader.

use super::{Known, ModelFacts, ModelMatch, PriceRule, Provider};
use crate::testing::{facts, price, provider};

fn listed(model: &str, matches: ModelMatch, context_window: Option<u64>, input: u64) -> PriceRule {
    PriceRule { model: model.into(), matches, context_window, price: price(input, input) }
}

fn input_rate(known: &Known<'_>) -> Option<u64> {
    known.price.map(|p| p.rates.input.0)
}

#[test]
fn nothing_is_known_of_a_model_that_nobody_names() {
    assert_eq!(provider("p").known("gpt-4o"), Known::default());
}

#[test]
fn each_fact_comes_from_the_closest_entry_that_has_it() {
    let models = vec![
        ModelFacts { context_window: Some(1), max_output: Some(1), price: Some(price(1, 1)), ..facts("*") },
        ModelFacts { context_window: Some(2), max_output: Some(2), ..facts("gpt-*") },
        ModelFacts { context_window: Some(3), ..facts("gpt-4o") },
        ModelFacts { context_window: Some(9), ..facts("claude-*") },
    ];
    let p = Provider { models, ..provider("p") };
    let known = p.known("gpt-4o");
    assert_eq!((known.context_window, known.max_output, input_rate(&known)), (Some(3), Some(2), Some(1)));
    assert_eq!(p.known("gpt-4o-mini").context_window, Some(2));
    assert_eq!(p.known("other").context_window, Some(1));
}

#[test]
fn of_equally_long_globs_the_first_in_the_list_counts() {
    let models = vec![
        ModelFacts { max_output: Some(1), ..facts("gpt-*") },
        ModelFacts { max_output: Some(2), ..facts("*mini") },
    ];
    assert_eq!(Provider { models, ..provider("p") }.known("gpt-mini").max_output, Some(1));
}

#[test]
fn an_entrys_price_replaces_the_list_price_whole() {
    let p = Provider {
        models: vec![ModelFacts { price: Some(price(0, 0)), ..facts("gpt-4o") }],
        prices: [listed("gpt-4o", ModelMatch::StartsWith("gpt-4o".into()), Some(128_000), 7)].into(),
        ..provider("p")
    };
    let known = p.known("gpt-4o");
    assert!(known.price.unwrap().is_free());
    assert_eq!(known.context_window, Some(128_000), "what the entry does not say is still from the list");
    assert_eq!(input_rate(&p.known("gpt-4o-mini")), Some(7));
}

#[test]
fn the_first_listed_price_that_matches_counts() {
    let prices = [
        listed("mini", ModelMatch::StartsWith("gpt-4o-mini".into()), None, 1),
        listed("big", ModelMatch::StartsWith("gpt-4o".into()), None, 2),
    ];
    let p = Provider { prices: prices.into(), ..provider("p") };
    assert_eq!(input_rate(&p.known("gpt-4o-mini-2024")), Some(1));
    assert_eq!(input_rate(&p.known("gpt-4o-2024")), Some(2));
    assert_eq!(p.known("o3").price, None);
}

#[test]
fn the_price_list_ignores_case_and_entries_do_not() {
    let p = Provider {
        models: vec![ModelFacts { max_output: Some(1), ..facts("GPT-4o") }],
        prices: [listed("gpt-4o", ModelMatch::Equals("gpt-4o".into()), None, 1)].into(),
        ..provider("p")
    };
    assert_eq!((p.known("GPT-4o").max_output, input_rate(&p.known("GPT-4o"))), (Some(1), Some(1)));
    assert_eq!(p.known("gpt-4o").max_output, None);
}

#[test]
fn every_form_of_match_means_what_it_says() {
    let text = |s: &str| s.into();
    let digits = |pattern: &str, whole| ModelMatch::Digits { pattern: pattern.into(), whole };
    for (matches, yes, no) in [
        (ModelMatch::Equals(text("a")), "a", "ab"),
        (ModelMatch::StartsWith(text("gpt")), "gpt-4", "my-gpt"),
        (ModelMatch::EndsWith(text("mini")), "o3-mini", "mini-o3"),
        (ModelMatch::Contains(text("4o")), "gpt-4o-x", "gpt-4"),
        (digits("gpt-####", true), "gpt-0613", "gpt-06134"),
        (digits("gpt-####", false), "gpt-0613-x", "gpt-061x"),
        (digits("a-##", true), "a-12", "a-1"),
        (ModelMatch::All(vec![ModelMatch::StartsWith(text("a")), ModelMatch::EndsWith(text("z"))]), "abz", "ab"),
        (ModelMatch::Any(vec![ModelMatch::Equals(text("a")), ModelMatch::Equals(text("b"))]), "b", "c"),
        (ModelMatch::Not(Box::new(ModelMatch::Equals(text("a")))), "b", "a"),
    ] {
        assert!(matches.matches(yes), "{matches:?} {yes}");
        assert!(!matches.matches(no), "{matches:?} {no}");
    }
    assert!(ModelMatch::All(Vec::new()).matches("x") && !ModelMatch::Any(Vec::new()).matches("x"));
}

#[test]
fn a_digit_is_one_byte_and_a_name_may_be_any_text() {
    let pattern = ModelMatch::Digits { pattern: "a#".into(), whole: false };
    assert!(!pattern.matches("aü") && !pattern.matches("a") && !pattern.matches("") && pattern.matches("a7ü"));
}
