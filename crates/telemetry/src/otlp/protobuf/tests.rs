//! Held against the library's way of writing the same messages.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use prost::Message as _;

use super::Message;

fn string(text: String) -> AnyValue {
    AnyValue { value: Some(Any::StringValue(text)) }
}

#[test]
fn lengths_of_one_two_and_three_bytes_are_as_the_library_writes_them() {
    for length in [0, 1, 126, 127, 128, 129, 16_381, 16_382, 16_383, 16_384, 16_385, 70_000] {
        let text = "x".repeat(length);
        let value = AnyValue { value: Some(Any::ArrayValue(ArrayValue { values: vec![string(text.clone()); 2] })) };
        let pair = KeyValue { key: "k".to_owned(), value: Some(value), ..KeyValue::default() };
        let mut written = Vec::new();
        let mut message = Message(&mut written);
        message.bytes(1, b"k");
        message.message(2, |any| {
            any.message(5, |list| {
                for _ in 0..2 {
                    list.message(1, |any| any.bytes(1, text.as_bytes()));
                }
            });
        });
        assert!(written == pair.encode_to_vec(), "{length}");
    }
}

#[test]
fn numbers_are_as_the_library_writes_them() {
    for number in [0, 1, 127, 128, 300, i64::MAX, -1, i64::MIN] {
        let mut written = Vec::new();
        Message(&mut written).number(3, number.cast_unsigned());
        assert_eq!(written, AnyValue { value: Some(Any::IntValue(number)) }.encode_to_vec(), "{number}");
    }
    let mut written = Vec::new();
    Message(&mut written).fixed64(4, 0.25_f64.to_bits());
    assert_eq!(written, AnyValue { value: Some(Any::DoubleValue(0.25)) }.encode_to_vec());
    let mut written = Vec::new();
    Message(&mut written).fixed32(16, 0x301);
    assert_eq!(written, [0x85, 0x01, 0x01, 0x03, 0, 0], "a key of two bytes");
}

#[test]
fn a_text_that_is_made_is_cut_at_a_character() {
    let long = "ä".repeat(200);
    for (text, most, kept) in
        [("abcdef", 3, "abc"), ("aäö", 2, "a"), ("aäö", 3, "aä"), ("ä", 1, ""), (&long, 301, &long[..300])]
    {
        let (mut written, mut expected) = (Vec::new(), Vec::new());
        Message(&mut written).text(1, most, |made| made.extend_from_slice(text.as_bytes()));
        Message(&mut expected).bytes(1, kept.as_bytes());
        assert_eq!(written, expected, "{text}");
    }
}
