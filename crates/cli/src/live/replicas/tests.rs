//! Sums over replicas.

use sidegate_wire::v1;

use super::{Covered, Listened, Table};

fn row(namespace: &str, cost: i64, calls: u64, failures: &[(&str, u64)]) -> v1::TopRow {
    let failures = failures.iter().map(|(why, calls)| v1::Failures { why: (*why).to_owned(), calls: *calls });
    v1::TopRow {
        namespace: namespace.to_owned(),
        calls,
        cost_nanodollars: cost,
        failures: failures.collect(),
        ..v1::TopRow::default()
    }
}

fn table(sidecars: u32, seconds: u32, rows: Vec<v1::TopRow>) -> v1::TopTable {
    let total = rows.iter().fold(v1::TopRow::default(), |sum, row| v1::TopRow {
        calls: sum.calls + row.calls,
        cost_nanodollars: sum.cost_nanodollars + row.cost_nanodollars,
        ..sum
    });
    let coverage = Some(v1::Coverage { sidecars, pods: Some(9) });
    v1::TopTable { coverage, seconds, rows, total: Some(total), rows_left_out: 0 }
}

#[test]
fn who_spends_through_several_replicas_is_one_row_and_comes_first() {
    let first = table(3, 300, vec![row("a", 50, 5, &[("rate_limited", 1)]), row("b", 40, 4, &[])]);
    let second = table(2, 20, vec![row("b", 30, 3, &[("truncated", 2)]), row("a", 1, 1, &[("truncated", 9)])]);
    let all = Table::of(&[first, second], 10);
    let names: Vec<_> = all.rows.iter().map(|row| (row.namespace.as_str(), row.cost_nanodollars, row.calls)).collect();
    assert_eq!(names, [("b", 70, 7), ("a", 51, 6)]);
    let why: Vec<_> = all.rows[1].failures.iter().map(|f| (f.why.as_str(), f.calls)).collect();
    assert_eq!(why, [("truncated", 9), ("rate_limited", 1)]);
    assert_eq!((all.seconds, all.covered), ((20, 300), Covered { replicas: 2, sidecars: 5, pods: Some(9) }));
    let total = all.total.unwrap();
    assert_eq!((total.cost_nanodollars, total.calls, all.rows_left_out), (121, 13, 0));
}

#[test]
fn rows_beyond_what_was_asked_for_are_counted() {
    let rows = |from: i64| (from..from + 3).map(|n| row(&format!("n{n}"), n, 1, &[])).collect();
    let all = Table::of(&[table(1, 60, rows(0)), table(1, 60, rows(3))], 2);
    let names: Vec<_> = all.rows.iter().map(|row| row.namespace.as_str()).collect();
    assert_eq!((names, all.rows_left_out), (vec!["n5", "n4"], 4));
    assert_eq!(all.total.unwrap().calls, 6);
}

#[test]
fn reasons_are_left_out_when_those_of_all_replicas_are_known() {
    let five = [("a", 5), ("b", 5), ("c", 5), ("d", 5), ("e", 5)];
    let tables = [&five[..], &[("f", 3)], &[("f", 4)]].map(|failures| table(1, 60, vec![row("n", 1, 30, failures)]));
    let all = Table::of(&tables, 10);
    let why: Vec<_> = all.rows[0].failures.iter().map(|f| (f.why.as_str(), f.calls)).collect();
    assert_eq!(why, [("f", 7), ("a", 5), ("b", 5), ("c", 5), ("d", 5)]);
    let mut cut = tables[0].clone();
    cut.rows_left_out = 3;
    assert_eq!(Table::of(&[cut, tables[1].clone()], 10).rows_left_out, 3);
}

#[test]
fn coverage_says_of_which_replicas() {
    let of = |pods| v1::Coverage { sidecars: 1, pods };
    assert_eq!(Covered::by(&[of(None)]).tell(), "1 sidecar");
    assert_eq!(Covered::by(&[of(Some(3))]).tell(), "1 sidecar of 3 pods known to this replica");
    assert_eq!(Covered::by(&[of(Some(3)), of(Some(4))]).tell(), "2 sidecars of 4 pods known to these 2 replicas");
}

#[test]
fn a_replica_that_is_gone_is_not_counted() {
    let of = |sidecars| v1::Coverage { sidecars, pods: Some(9) };
    let told = |covered: Option<Covered>| covered.map(|covered| covered.tell());
    let mut replicas = Listened::to(3);
    assert_eq!(told(replicas.covers(0, of(2))), None);
    assert_eq!(told(replicas.ended(1)), None, "the third has said nothing");
    assert_eq!(told(replicas.covers(2, of(3))).as_deref(), Some("5 sidecars of 9 pods known to these 2 replicas"));
    assert_eq!(told(replicas.ended(2)).as_deref(), Some("2 sidecars of 9 pods known to this replica"));
    assert!(!replicas.is_over());
    assert_eq!(told(replicas.ended(0)), None);
    assert!(replicas.is_over());
}
