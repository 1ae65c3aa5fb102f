//! One vocabulary: each word once.

use std::collections::BTreeSet;

use super::{Class, Reason};

#[test]
fn every_word_is_a_word_and_means_one_thing() {
    let words: Vec<&str> =
        Class::ALL.iter().map(|c| c.as_str()).chain(Reason::ALL.iter().map(|r| r.as_str())).collect();
    let distinct: BTreeSet<&&str> = words.iter().collect();
    assert_eq!(distinct.len(), words.len());
    assert!(words.iter().all(|w| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
}

#[test]
fn waiting_helps_against_limits_and_faults_that_pass_and_never_against_policy() {
    let helps: Vec<Class> = Class::ALL.into_iter().filter(|c| c.retry_can_help()).collect();
    assert_eq!(
        helps,
        [
            Class::ProviderTransient,
            Class::ProviderQuota,
            Class::RateLimited,
            Class::UpstreamTimeout,
            Class::Truncated,
            Class::ControlPlaneUnavailable,
        ]
    );
}
