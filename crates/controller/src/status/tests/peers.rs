//! What other replicas tell, and for how long it counts.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::status::peers::Peers;

fn roll(count: usize) -> Roll {
    let holds = contents(&policy_name(), 7);
    Roll::of(&(0..count).map(|n| sidecar(&n.to_string(), &holds)).collect::<Vec<_>>())
}

fn counted(peers: &mut Peers, now: Instant) -> usize {
    let mut all = roll(1);
    peers.add_to(&mut all, now);
    all.acks(&policy_name(), 7).programmed
}

#[test]
fn replicas_that_tell_something_are_counted_and_the_newest_word_of_each_counts() {
    let (mut peers, now) = (Peers::new("own".to_owned()), Instant::now());
    peers.hear("a".to_owned(), Some(roll(9)), now);
    peers.hear("a".to_owned(), Some(roll(2)), now);
    peers.hear("b".to_owned(), Some(roll(4)), now);
    assert_eq!(counted(&mut peers, now), 7);
}

#[test]
fn a_replica_that_is_gone_or_silent_for_half_a_minute_counts_no_more() {
    let (mut peers, now) = (Peers::new("own".to_owned()), Instant::now());
    peers.hear("a".to_owned(), Some(roll(2)), now);
    peers.hear("b".to_owned(), Some(roll(4)), now + Duration::from_secs(10));
    peers.hear("c".to_owned(), Some(roll(8)), now);
    peers.hear("c".to_owned(), None, now);
    let later = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(counted(&mut peers, later(29)), 7);
    assert_eq!(peers.add_to(&mut roll(0), later(29)), Some(later(30)), "when to look again");
    assert_eq!(counted(&mut peers, later(30)), 5);
    assert_eq!(counted(&mut peers, later(40)), 1);
}

#[test]
fn what_this_replica_told_before_it_began_to_write_is_not_counted_twice() {
    let (mut peers, now) = (Peers::new("own".to_owned()), Instant::now());
    peers.hear("own".to_owned(), Some(roll(5)), now);
    assert_eq!(counted(&mut peers, now), 1);
}
