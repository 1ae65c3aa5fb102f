use proptest::prelude::*;

use super::{end_of_text, quote_or_backslash};

/// The same, a byte at a time.
fn plainly(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Texts of little but quotes and backslashes, so that runs of them cross the edges of blocks.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => Just(b'\\'), 1 => Just(b'"'), 3 => any::<u8>()];
    (proptest::collection::vec(Just(b'\\'), 0..140), proptest::collection::vec(byte, 0..300))
        .prop_map(|(run, rest)| [run, rest].concat())
}

proptest! {
    #[test]
    fn the_end_is_the_first_quote_that_nothing_escapes(text in texts()) {
        prop_assert_eq!(end_of_text(&text), plainly(&text));
    }

    #[test]
    fn the_first_of_both_is_found_wherever_it_stands(before in 0_usize..100, after in 0_usize..40, quote: bool) {
        let mut text = vec![b'.'; before + 1 + after];
        prop_assert_eq!(quote_or_backslash(&text), None);
        text[before] = if quote { b'"' } else { b'\\' };
        prop_assert_eq!(quote_or_backslash(&text), Some(before));
    }
}
