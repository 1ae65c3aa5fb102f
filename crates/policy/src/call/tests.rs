//! What bounds a call, and what ties it to earlier ones.

use super::{Bounds, Conversation};

fn bounds() -> Bounds {
    Bounds { body_bytes: 1000, parts: 3, choices: 1, ..Bounds::default() }
}

#[test]
fn input_is_bounded_by_bytes_and_framing_and_never_above_the_window() {
    assert_eq!(bounds().input_tokens(None), 1000 + 3 * 16);
    assert_eq!(bounds().input_tokens(Some(128_000)), 1048);
    assert_eq!(bounds().input_tokens(Some(500)), 500);
}

#[test]
fn content_from_elsewhere_is_bounded_by_the_window_alone() {
    let elsewhere = Bounds { refers_elsewhere: true, ..bounds() };
    assert_eq!(elsewhere.input_tokens(Some(128_000)), 128_000);
}

#[test]
fn output_is_bounded_by_what_was_asked_for_and_what_the_model_can() {
    let asked = |max_output| Bounds { max_output, ..bounds() };
    assert_eq!(asked(Some(100)).output_tokens(Some(4000)), 100);
    assert_eq!(asked(Some(100_000)).output_tokens(Some(4000)), 4000);
    assert_eq!(asked(Some(100)).output_tokens(None), 100);
    assert_eq!(asked(None).output_tokens(Some(4000)), 4000);
    assert_eq!(asked(None).output_tokens(None), Bounds::DEFAULT_MAX_OUTPUT);
}

#[test]
fn each_choice_may_take_the_maximum() {
    let choices = |choices| Bounds { max_output: Some(100), choices, ..bounds() };
    assert_eq!(choices(4).output_tokens(None), 400);
    assert_eq!(choices(0).output_tokens(None), 100, "none said is one");
    let most =
        Bounds { max_output: Some(u64::MAX), choices: u32::MAX, body_bytes: u64::MAX, parts: u32::MAX, ..bounds() };
    assert_eq!((most.output_tokens(None), most.input_tokens(None)), (u64::MAX, u64::MAX));
}

#[test]
fn a_new_conversation_has_nothing_to_return_to() {
    let opening = Some(7);
    assert_eq!(Conversation { opening, ..Conversation::default() }.earlier(), None);
    assert_eq!(Conversation { opening, answered: true, named: None }.earlier(), Some(7));
    assert_eq!(Conversation { opening, answered: true, named: Some(9) }.earlier(), Some(9));
    assert_eq!(Conversation { named: Some(9), ..Conversation::default() }.earlier(), Some(9));
}
