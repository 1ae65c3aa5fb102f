//! Which patterns can mean the same name.

use sidegate_policy::Glob;

use super::overlap;

fn overlapping(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|text| Glob::parse(text).unwrap());
    assert_eq!(overlap(&one, &other), overlap(&other, &one));
    overlap(&one, &other)
}

#[test]
fn patterns_overlap_where_one_name_is_meant_by_both() {
    for (one, other) in
        [("*", "gpt-4o"), ("gpt-*", "gpt-4o"), ("gpt-*", "gpt-4*"), ("*-mini", "*4o-mini"), ("gpt-*", "*-mini")]
    {
        assert!(overlapping(one, other), "{one} {other}");
    }
}

#[test]
fn patterns_without_a_common_name_do_not_overlap() {
    for (one, other) in [("gpt-4o", "gpt-4"), ("gpt-*", "claude-3"), ("gpt-*", "claude-*"), ("*-mini", "*-large")] {
        assert!(!overlapping(one, other), "{one} {other}");
    }
}
