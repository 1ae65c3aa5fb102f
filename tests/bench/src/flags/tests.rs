//! What command lines are accepted.

use super::{Flags, InvalidFlags};

fn flags(line: &str) -> Result<Flags, InvalidFlags> {
    Flags::parse(line.split_whitespace().map(str::to_owned))
}

#[test]
fn a_flag_is_taken_once_and_the_last_value_counts() {
    let mut f = flags("--secs 1 --secs 2").unwrap();
    assert_eq!(f.opt::<f64>("secs").unwrap(), Some(2.0));
    assert_eq!(f.opt::<f64>("secs").unwrap(), None);
    f.end().unwrap();
}

#[test]
fn repeated_flags_keep_their_order() {
    let mut f = flags("--header a:1 --secs 3 --header b:2").unwrap();
    assert_eq!(f.all("header"), ["a:1", "b:2"]);
}

#[test]
fn addresses_beyond_loopback_are_refused() {
    let mut f = flags("--to 10.0.0.1:80").unwrap();
    assert!(matches!(f.loopback("to"), Err(InvalidFlags::NotLoopback { name: "to", .. })));
    assert!(flags("--to 127.0.0.1:80").unwrap().loopback("to").is_ok());
}

#[test]
fn a_flag_nobody_took_is_an_error() {
    let f = flags("--sces 3").unwrap();
    assert!(matches!(f.end(), Err(InvalidFlags::Unknown(name)) if name == "sces"));
}

#[test]
fn a_flag_without_a_value_is_an_error() {
    assert!(matches!(flags("--secs"), Err(InvalidFlags::NoValue(_))));
}
