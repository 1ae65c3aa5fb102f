use super::*;

fn holes(event: &str, values: &[(&str, Kind)]) -> Vec<Hole> {
    let mut from = 0;
    let place = |(value, kind): &(&str, Kind)| {
        let start = from + event[from..].find(value).expect("it is there");
        from = start + value.len();
        Hole::new(start, from, *kind)
    };
    values.iter().map(place).collect()
}

fn pattern(event: &str, values: &[(&str, Kind)]) -> Pattern {
    let mut pattern = Pattern::default();
    pattern.learn(event.as_bytes(), &holes(event, values));
    pattern
}

#[test]
fn an_event_matches_if_only_generated_text_differs() {
    let pattern = pattern(r#"{"n":1,"d":"ab"}"#, &[("1", Kind::Scalar), ("ab", Kind::Generated)]);
    assert_eq!(pattern.matches(br#"{"n":1,"d":"ab"}"#), Some(2));
    assert_eq!(pattern.matches(br#"{"n":1,"d":""}"#), Some(0));
    assert_eq!(pattern.matches(br#"{"n":1,"d":"a\"b\\"}"#), Some(6));
    for other in [
        r#"{"n":2,"d":"ab"}"#,
        r#"{"n":1,"d":"ab","e":1}"#,
        r#"{"n":1,"d":"ab"#,
        r#"{"n":1,"d":5}"#,
        r#"{"n":1,"d":"a""}"#,
    ] {
        assert_eq!(pattern.matches(other.as_bytes()), None, "{other}");
    }
    assert_eq!(Pattern::default().matches(b"{}"), None);
}

#[test]
fn a_value_that_was_seen_to_differ_may_differ() {
    let mut pattern = pattern(r#"{"n":1,"d":"a"}"#, &[("1", Kind::Scalar), ("a", Kind::Generated)]);
    let second = r#"{"n":22,"d":"a"}"#;
    pattern.learn(second.as_bytes(), &holes(second, &[("22", Kind::Scalar), ("a", Kind::Generated)]));
    assert_eq!(pattern.matches(br#"{"n":333,"d":"b"}"#), Some(1));
    assert_eq!(pattern.matches(br#"{"n":"x","d":"b"}"#), None);
    assert_eq!(pattern.matches(br#"{"n":,"d":"b"}"#), None);
}
