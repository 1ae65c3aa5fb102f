//! Names with one star at one end.

use proptest::prelude::*;

use super::Glob;

fn glob(text: &str) -> Glob {
    Glob::parse(text).unwrap()
}

#[test]
fn a_star_may_stand_at_one_end() {
    assert_eq!(glob("*"), Glob::Any);
    assert_eq!(glob("gpt-4o"), Glob::Exact("gpt-4o".into()));
    assert_eq!(glob("gpt-*"), Glob::Prefix("gpt-".into()));
    assert_eq!(glob("*-mini"), Glob::Suffix("-mini".into()));
}

#[test]
fn anything_else_is_refused_with_the_text_that_was_wrong() {
    for text in ["", "**", "*a*", "a*b", "a b", " a", "a\n", "*a b", "a*\u{a0}"] {
        assert_eq!(Glob::parse(text).unwrap_err().0, text, "{text:?}");
    }
}

#[test]
fn a_glob_means_names_by_their_beginning_or_end_and_case_matters() {
    assert!(glob("gpt-*").matches("gpt-4o") && glob("gpt-*").matches("gpt-"));
    assert!(!glob("gpt-*").matches("GPT-4o") && !glob("gpt-*").matches("my-gpt-4o"));
    assert!(glob("*-mini").matches("gpt-4o-mini") && !glob("*-mini").matches("gpt-4o-mini-2024"));
    assert!(glob("gpt-4o").matches("gpt-4o") && !glob("gpt-4o").matches("gpt-4o-mini"));
    assert!(glob("*").matches("") && !glob("a*").matches(""));
}

#[test]
fn an_exact_name_is_closer_than_any_pattern_and_a_longer_pattern_than_a_shorter() {
    let closeness = |text| glob(text).closeness();
    assert!(closeness("a") > closeness("gpt-4o-mini-*"));
    assert!(closeness("gpt-4*") > closeness("gpt-*"));
    assert!(closeness("*-4o-mini") > closeness("gpt-4*"));
    assert!(closeness("a*") > closeness("*"));
    assert_eq!(closeness("abc*"), closeness("*abc"));
}

#[test]
fn only_an_exact_name_is_literal() {
    assert_eq!(glob("gpt-4o").literal().map(|l| &**l), Some("gpt-4o"));
    for text in ["*", "gpt-*", "*-mini"] {
        assert_eq!(glob(text).literal(), None);
    }
}

fn any_glob() -> impl Strategy<Value = Glob> {
    ("[ab]{1,3}", 0..4_u8).prop_map(|(text, form)| match form {
        0 => Glob::Any,
        1 => Glob::Exact(text.into()),
        2 => Glob::Prefix(text.into()),
        _ => Glob::Suffix(text.into()),
    })
}

proptest! {
    /// What was read is shown as it was written.
    #[test]
    fn a_glob_is_shown_as_it_was_written(glob in any_glob()) {
        prop_assert_eq!(Glob::parse(&glob.to_string()).unwrap(), glob);
    }

    /// A glob that covers another means every name that the other means.
    #[test]
    fn what_is_covered_is_meant(a in any_glob(), b in any_glob(), name in "[ab]{0,6}") {
        if a.covers(&b) && b.matches(&name) {
            prop_assert!(a.matches(&name), "{a} covers {b}, but does not mean {name}");
        }
    }

    /// And one that does not cover another leaves out some name that the other means.
    #[test]
    fn what_is_not_covered_has_a_witness(a in any_glob(), b in any_glob()) {
        if !a.covers(&b) {
            let text = b.to_string().replace('*', "");
            let names = ["", "c", "cccc"].map(|more| match b {
                Glob::Suffix(_) => format!("{more}{text}"),
                _ => format!("{text}{more}"),
            });
            prop_assert!(names.iter().any(|n| b.matches(n) && !a.matches(n)), "{a} does not cover {b}");
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,20}", name in ".{0,20}") {
        if let Ok(glob) = Glob::parse(&text) {
            let _ = glob.matches(&name);
        }
    }
}
