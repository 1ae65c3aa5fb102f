use super::*;

#[test]
fn escapes_mean_what_json_says_and_the_rest_means_nothing() {
    assert_eq!(unescape(b"plain").as_deref(), Some("plain"));
    assert_eq!(unescape(br#"mod\u0065l"#).as_deref(), Some("model"));
    assert_eq!(unescape(br#"\"\\\/\b\f\n\r\t"#).as_deref(), Some("\"\\/\u{8}\u{c}\n\r\t"));
    assert_eq!(unescape(br#"\ud83d\ude00"#).as_deref(), Some("😀"));
    for bad in
        [&br#"\q"#[..], br#"\u12"#, br#"\u+123"#, br#"\ud800"#, br#"\ud800x"#, br#"\udc00\ud800"#, b"\\", b"\xff"]
    {
        assert_eq!(unescape(bad), None, "{bad:?}");
    }
}

#[test]
fn quoted_text_is_read_back_as_it_was() {
    for text in ["", "gpt-4o", "a\"b\\c", "\u{0}\u{1f}\n", "naïve 😀"] {
        let mut token = Vec::new();
        quote(text, &mut token);
        assert_eq!(serde_json::from_slice::<String>(&token).ok().as_deref(), Some(text));
    }
}

#[test]
fn whole_numbers_are_read_in_every_spelling_and_nothing_else_is() {
    for (token, value) in
        [("0", 0), ("-5", -5), ("256", 256), ("256.0", 256), ("1e3", 1000), ("9223372036854775807", i64::MAX)]
    {
        assert_eq!(integer(token.as_bytes()), Some(value), "{token}");
    }
    for token in ["", "-", "01", "1.5", "1e400", "1e30", "9223372036854775808", "+1", ".5", "1.", "true", "0x10", "1-1"]
    {
        assert_eq!(integer(token.as_bytes()), None, "{token}");
    }
}
