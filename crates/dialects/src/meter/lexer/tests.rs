use super::*;

/// The tokens of a text that comes in pieces of `size` bytes, parts of strings joined; and the lexer after it.
fn tokens(text: &[u8], size: usize) -> (Vec<String>, Lexer) {
    let (mut lexer, mut found, mut joined) = (Lexer::default(), Vec::new(), Vec::new());
    for piece in text.chunks(size) {
        let mut at = 0;
        while let Some(token) = lexer.next(piece, &mut at) {
            match token {
                Token::Open { object } => found.push(if object { "{" } else { "[" }.to_owned()),
                Token::Close => found.push("close".to_owned()),
                Token::Scalar(byte) => found.push(char::from(byte).to_string()),
                Token::Key(part) | Token::Text(part) => {
                    if part.first {
                        joined.clear();
                    }
                    joined.extend_from_slice(part.bytes);
                    if part.last {
                        found.push(format!("{joined:?}", joined = String::from_utf8_lossy(&joined)));
                    }
                }
            }
        }
        assert_eq!(at, piece.len());
    }
    (found, lexer)
}

#[test]
fn a_text_has_the_same_tokens_however_it_is_cut() {
    let text =
        br#" {"a": [1, -2.5, "x\"y\\", {"long key of more than twenty-four bytes": null}], "b\\": "", "c": true} "#;
    let (whole, lexer) = tokens(text, text.len());
    assert!(lexer.is_complete());
    assert_eq!(whole[..4], ["{", "\"a\"", "[", "\"x\\\\\\\"y\\\\\\\\\""]);
    for size in 1..text.len() {
        assert_eq!(tokens(text, size).0, whole, "in pieces of {size}");
    }
}

#[test]
fn only_one_whole_value_is_complete() {
    for text in ["{}", "[]", "[[],{}]", "{\"a\":{\"b\":[]}} \n"] {
        assert!(tokens(text.as_bytes(), 1).1.is_complete(), "{text}");
    }
    for text in [
        "",
        "{",
        "{}x",
        "{}{}",
        "[1,]",
        "{\"a\"}",
        "{\"a\":1,}",
        "[}",
        "{]",
        "{,}",
        "[1 2]",
        "{\"a\":\"b}",
        "@",
        "{1:2}",
    ] {
        assert!(!tokens(text.as_bytes(), 1).1.is_complete(), "{text}");
        assert!(!tokens(text.as_bytes(), 64).1.is_complete(), "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(tokens(nested(256).as_bytes(), 64).1.is_complete());
    assert!(!tokens(nested(257).as_bytes(), 64).1.is_complete());
}
