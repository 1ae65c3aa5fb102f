use super::*;

fn skipped(text: &str) -> Result<Range<usize>, Broken> {
    let mut scan = Scan::new(text.as_bytes());
    let span = scan.skip()?;
    scan.end()?;
    Ok(span)
}

#[test]
fn whole_values_are_skipped_whatever_they_hold() {
    for text in [
        "{}",
        "[]",
        " { } ",
        "[1,2,{\"a\":[]}]",
        "\"\"",
        "\"a\\\"b\"",
        "\"\\\\\"",
        "-0",
        "true",
        "null",
        r#"{"a":"lone \ud800 surrogate","b":1e400,"c":123456789012345678901234567890}"#,
        "{\"long key that is more than twenty-four bytes\": \"and a value that is long, too, with a \\\" in it\"}",
    ] {
        let span = skipped(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert_eq!(&text[span], text.trim(), "{text}");
    }
}

#[test]
fn what_has_no_structure_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"a",
        "\"a\\\"",
        "{]",
        "[}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,]",
        "{,}",
        "NaN",
        "nul",
        "Infinity",
        "{a:1}",
        "1 2",
        "{} {}",
        "[1 2]",
        "{\"a\" 1}",
        "'a'",
        "\u{feff}{}",
        "{\"a\":1 \"b\":2}",
        "]",
        ":",
    ] {
        assert!(skipped(text).is_err(), "{text}");
    }
}

#[test]
fn nesting_is_bounded_and_takes_no_stack() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(skipped(&nested(512)).is_ok());
    assert!(skipped(&nested(514)).is_err());
    assert!(skipped(&"[".repeat(100_000)).is_err());
    assert!(skipped(&"{\"a\":".repeat(100_000)).is_err());
}

#[test]
fn the_end_of_a_string_is_the_first_quote_that_is_not_escaped_wherever_it_stands() {
    for length in 0..80 {
        for backslashes in 0..5 {
            let inside = "x".repeat(length) + &"\\\\".repeat(backslashes) + "\\\"" + &"y".repeat(length % 7);
            let text = format!("\"{inside}\"");
            let mut scan = Scan::new(text.as_bytes());
            let found = scan.string().expect("it ends");
            assert_eq!(&text[found.inside.clone()], inside, "{text}");
            assert_eq!(scan.at(), text.len());
            assert_eq!(&text[found.token()], text);
        }
    }
}

#[test]
fn keys_and_elements_come_one_by_one() {
    let mut scan = Scan::new(br#" { "a" : 1 , "b" : [ 2 , 3 ] } "#);
    scan.open_object().expect("an object");
    let mut first = true;
    let mut keys = Vec::new();
    while let Some(key) = scan.key(&mut first).expect("sound") {
        keys.push(scan.slice(&key.inside));
        if scan.kind().expect("a value") == Kind::Array {
            scan.open_array().expect("an array");
            let (mut first, mut elements) = (true, 0);
            while scan.element(&mut first).expect("sound") {
                scan.skip().expect("a value");
                elements += 1;
            }
            assert_eq!(elements, 2);
        } else {
            scan.skip().expect("a value");
        }
    }
    assert_eq!(keys, [b"a", b"b"]);
    assert_eq!(scan.end(), Ok(()));
}

#[test]
fn a_skipped_value_agrees_with_another_reader_about_what_is_json() {
    // Every one-byte change of a small text: whatever the strict reader takes, this one takes too.
    let text = br#"{"a":[1,-2.5e3,"x\n"],"b":{"c":null,"d":true}}"#;
    for at in 0..text.len() {
        for byte in 0..=127_u8 {
            let mut changed = text.to_vec();
            changed[at] = byte;
            let strict = serde_json::from_slice::<serde_json::Value>(&changed).is_ok();
            let mut scan = Scan::new(&changed);
            let lenient = scan.skip().and_then(|_| scan.end()).is_ok();
            assert!(lenient || !strict, "{}", String::from_utf8_lossy(&changed));
        }
    }
}
