//! Money in integers: rounded up once for each class, and free, priced and unknown are three things.

use proptest::prelude::*;

use super::{Cost, Nanos, Price, Rate, Rates, Tier};
use crate::testing::price;
use crate::usage::Usage;

fn usage(input_total: u64, output_total: u64) -> Usage {
    Usage { input_total, output_total, ..Usage::default() }
}

#[test]
fn a_list_price_gives_the_cost_that_the_vendor_charges() {
    // 0.15 and 0.60 dollars per million tokens.
    let price = price(150_000_000, 600_000_000);
    assert_eq!(price.cost(&usage(1_000_000, 0)), Nanos(150_000_000));
    assert_eq!(price.cost(&usage(12, 34)), Nanos(1_800 + 20_400));
}

#[test]
fn a_fraction_of_a_nano_dollar_is_rounded_up_once_for_each_class() {
    let rates = Rates { input: Rate(1), output: Rate(1), cache_read: Rate(1), ..Rates::default() };
    let price = Price { rates, ..Price::default() };
    assert_eq!(Rate(1).cost(1), Nanos(1));
    assert_eq!(Rate(1).cost(1_000_000), Nanos(1));
    assert_eq!(Rate(1).cost(1_000_001), Nanos(2));
    let one_of_each = Usage { cache_read: Some(1), ..usage(2, 1) };
    assert_eq!(price.cost(&one_of_each), Nanos(3));
    assert_eq!(price.cost(&usage(0, 0)), Nanos(0));
}

#[test]
fn each_class_costs_its_own_rate() {
    let rate = |dollars: u64| Rate(dollars * 1_000_000_000);
    let rates = Rates {
        input: rate(1),
        cache_read: rate(2),
        cache_write: rate(3),
        cache_write_1h: rate(5),
        audio_input: rate(7),
        output: rate(11),
        audio_output: rate(13),
    };
    let usage = Usage {
        input_total: 1 + 10 + 100 + 1_000 + 10_000,
        output_total: 100_000 + 1_000_000,
        cache_read: Some(10),
        cache_write: Some(1_100),
        cache_write_1h: Some(1_000),
        audio_input: Some(10_000),
        audio_output: Some(1_000_000),
        reasoning: Some(50),
    };
    let micros = 1 + 2 * 10 + 3 * 100 + 5 * 1_000 + 7 * 10_000 + 11 * 100_000 + 13 * 1_000_000;
    assert_eq!(Price { rates, ..Price::default() }.cost(&usage), Nanos(micros * 1_000));
}

#[test]
fn above_a_size_the_whole_call_costs_the_tiers_rates() {
    let tier = |context_over, rate| Tier { context_over, rates: price(rate, rate).rates };
    let tiers = vec![tier(200, 2_000_000), tier(1000, 5_000_000)];
    let price = Price { tiers, ..price(1_000_000, 1_000_000) };
    assert_eq!(price.cost(&usage(200, 10)), Nanos(210), "up to the bound, and not above it");
    assert_eq!(price.cost(&usage(201, 10)), Nanos(2 * 211));
    assert_eq!(price.cost(&usage(1000, 0)), Nanos(2 * 1000));
    assert_eq!(price.cost(&usage(1001, 1)), Nanos(5 * 1002));
}

#[test]
fn a_request_may_cost_something_whatever_its_tokens() {
    let price = Price { per_request: Nanos(70), ..Price::default() };
    assert_eq!(price.cost(&usage(0, 0)), Nanos(70));
    assert!(!price.is_free());
}

#[test]
fn free_priced_and_unknown_are_three_different_things() {
    let (free, dear) = (price(0, 0), price(1_000_000, 0));
    let some = usage(5, 5);
    assert_eq!(Cost::of(Some(&free), Some(&some)), Cost::Free);
    assert_eq!(Cost::of(Some(&free), None), Cost::Free, "nothing is charged, however many tokens it was");
    assert_eq!(Cost::of(Some(&dear), Some(&some)), Cost::Priced(Nanos(5)));
    assert_eq!(Cost::of(Some(&dear), Some(&usage(0, 5))), Cost::Priced(Nanos(0)), "priced at nothing is not free");
    assert_eq!(Cost::of(Some(&dear), None), Cost::Unknown);
    assert_eq!(Cost::of(None, Some(&some)), Cost::Unknown);
}

#[test]
fn a_price_with_a_dear_tier_is_not_free() {
    let tiers = vec![Tier { context_over: 100, rates: price(1, 1).rates }];
    assert!(!Price { tiers, ..price(0, 0) }.is_free());
}

#[test]
fn in_a_sum_unknown_spoils_and_free_adds_nothing() {
    let priced = Cost::Priced(Nanos(3));
    assert_eq!(priced.plus(Cost::Priced(Nanos(4))), Cost::Priced(Nanos(7)));
    assert_eq!(priced.plus(Cost::Free), priced);
    assert_eq!(Cost::Free.plus(priced), priced);
    assert_eq!(Cost::Free.plus(Cost::Free), Cost::Free);
    for other in [Cost::Unknown, Cost::Free, priced] {
        assert_eq!(Cost::Unknown.plus(other), Cost::Unknown);
        assert_eq!(other.plus(Cost::Unknown), Cost::Unknown);
    }
}

#[test]
fn dollars_are_shown_with_at_least_two_decimals_and_no_needless_zeros() {
    for (nanos, shown) in [
        (0, "0.00"),
        (1, "0.000000001"),
        (123_000, "0.000123"),
        (1_500_000_000, "1.50"),
        (-2_000_000_000, "-2.00"),
        (-1, "-0.000000001"),
        (1_234_567_890_123, "1234.567890123"),
    ] {
        assert_eq!(Nanos(nanos).to_string(), shown);
    }
    assert!(Nanos(i128::MIN).to_string().starts_with("-170141183460469231731687303715.884105728"));
}

proptest! {
    /// The exact cost is never undercut, and never exceeded by more than the rounding of seven classes.
    #[test]
    fn rounding_never_undercharges(
        rates in prop::array::uniform7(0..10_000_000_000_u64),
        tokens in prop::array::uniform7(0..1_000_000_000_u64),
    ) {
        let [input, cache_read, cache_write, cache_write_1h, audio_input, output, audio_output] = rates.map(Rate);
        let rates_of = Rates { input, cache_read, cache_write, cache_write_1h, audio_input, output, audio_output };
        let usage = Usage {
            input_total: tokens[..5].iter().sum(),
            output_total: tokens[5..].iter().sum(),
            cache_read: Some(tokens[1]),
            cache_write: Some(tokens[2] + tokens[3]),
            cache_write_1h: Some(tokens[3]),
            audio_input: Some(tokens[4]),
            audio_output: Some(tokens[6]),
            reasoning: None,
        };
        let cost = Price { rates: rates_of, ..Price::default() }.cost(&usage).0;
        let millionths: i128 = rates.iter().zip(tokens).map(|(r, t)| i128::from(*r) * i128::from(t)).sum();
        prop_assert!(cost * 1_000_000 >= millionths);
        prop_assert!(cost * 1_000_000 - millionths < 7 * 1_000_000);
    }

    /// The largest numbers neither panic nor come out negative.
    #[test]
    fn extremes_are_survived(rate in any::<u64>(), input in any::<u64>(), output in any::<u64>()) {
        let cost = Cost::of(Some(&price(rate, rate)), Some(&usage(input, output)));
        if let Cost::Priced(nanos) = cost {
            prop_assert!(nanos.0 >= 0);
        }
        prop_assert_eq!(Nanos(i128::MAX).saturating_add(Nanos(1)), Nanos(i128::MAX));
    }
}
