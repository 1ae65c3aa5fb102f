//! Tokens in classes that do not overlap.

use proptest::prelude::*;

use super::{Classes, Usage};

#[test]
fn totals_alone_are_plain_tokens() {
    let classes = Usage { input_total: 10, output_total: 20, ..Usage::default() }.classes();
    assert_eq!(classes, Classes { input: 10, output: 20, ..Classes::default() });
}

#[test]
fn the_hour_is_a_part_of_what_was_written() {
    let usage = Usage { input_total: 100, cache_write: Some(30), cache_write_1h: Some(10), ..Usage::default() };
    let classes = usage.classes();
    assert_eq!((classes.input, classes.cache_write, classes.cache_write_1h), (70, 20, 10));
}

#[test]
fn a_class_that_claims_more_than_is_left_is_cut() {
    let usage = Usage {
        input_total: 10,
        output_total: 5,
        cache_read: Some(8),
        cache_write: Some(8),
        audio_input: Some(8),
        audio_output: Some(8),
        ..Usage::default()
    };
    let classes = usage.classes();
    assert_eq!((classes.cache_read, classes.cache_write, classes.audio_input, classes.input), (8, 2, 0, 0));
    assert_eq!((classes.audio_output, classes.output), (5, 0));
}

#[test]
fn reasoning_is_generated_tokens_and_no_class_of_its_own() {
    let usage = Usage { output_total: 9, reasoning: Some(7), ..Usage::default() };
    assert_eq!(usage.classes().output, 9);
}

#[test]
fn a_total_beyond_the_type_stays_at_its_bound() {
    assert_eq!(Usage { input_total: u64::MAX, output_total: 1, ..Usage::default() }.total(), u64::MAX);
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let class = || prop::option::of(prop_oneof![0..100_u64, any::<u64>()]);
    let totals = (prop_oneof![0..300_u64, any::<u64>()], prop_oneof![0..300_u64, any::<u64>()]);
    (totals, class(), class(), class(), class(), class(), class()).prop_map(
        |(
            (input_total, output_total),
            cache_read,
            cache_write,
            cache_write_1h,
            audio_input,
            audio_output,
            reasoning,
        )| {
            Usage {
                input_total,
                output_total,
                cache_read,
                cache_write,
                cache_write_1h,
                audio_input,
                audio_output,
                reasoning,
            }
        },
    )
}

proptest! {
    /// Whatever a provider reports, each token is in one class: none is charged twice, none is forgotten.
    #[test]
    fn classes_never_overlap(usage in any_usage()) {
        let c = usage.classes();
        let input = [c.input, c.cache_read, c.cache_write, c.cache_write_1h, c.audio_input];
        prop_assert_eq!(input.iter().map(|t| u128::from(*t)).sum::<u128>(), u128::from(usage.input_total));
        prop_assert_eq!(u128::from(c.output) + u128::from(c.audio_output), u128::from(usage.output_total));
    }

    /// And no class holds more than was claimed for it.
    #[test]
    fn no_class_exceeds_its_claim(usage in any_usage()) {
        let c = usage.classes();
        prop_assert!(c.cache_read <= usage.cache_read.unwrap_or(0));
        prop_assert!(c.cache_write_1h <= usage.cache_write_1h.unwrap_or(0));
        prop_assert!(c.cache_write <= usage.cache_write.unwrap_or(0));
        prop_assert!(c.audio_input <= usage.audio_input.unwrap_or(0));
        prop_assert!(c.audio_output <= usage.audio_output.unwrap_or(0));
    }
}
