//! The tables of failures in `docs/architecture.md` say what callers are told.

use std::collections::BTreeMap;

use sidegate_dialects::refuse::{Wording, refusal};
use sidegate_policy::{Class, Dialect, Reason, Refusal};

use super::read;

/// First cell to the others, of each row whose first cell holds names in backticks.
fn rows(markdown: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in markdown.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let rest: Vec<String> = cells[1..].iter().map(|cell| (*cell).to_owned()).collect();
        for name in cells[0].split('`').skip(1).step_by(2) {
            rows.insert(name.to_owned(), rest.clone());
        }
    }
    rows
}

fn told(class: Class, reason: Option<Reason>) -> Wording {
    refusal(Dialect::OpenAi, &Refusal::new(class, reason, "told"), "id")
}

fn cells(wording: &Wording) -> [String; 2] {
    [wording.status.as_str().to_owned(), if wording.retry { "yes" } else { "no" }.to_owned()]
}

#[test]
fn the_table_of_classes_says_what_callers_are_told() {
    let rows = rows(&read("docs/architecture.md"));
    for class in Class::ALL {
        let row = rows.get(class.as_str()).unwrap_or_else(|| panic!("`{class}` has no row"));
        assert_eq!(row[..2], cells(&told(class, None)), "{class}");
    }
}

#[test]
fn the_table_of_reasons_names_every_reason_that_is_told_in_its_own_way() {
    let rows = rows(&read("docs/architecture.md"));
    // A class that is retried and one that is not show whether a reason changes the answer.
    for class in [Class::RequestInvalid, Class::ProviderTransient] {
        for reason in Reason::ALL {
            let (plain, own) = (told(class, None), told(class, Some(reason)));
            let Some(row) = rows.get(reason.as_str()) else {
                assert_eq!(cells(&own), cells(&plain), "`{reason}` has no row");
                continue;
            };
            let status = if row[0] == "as their class" { plain.status.as_str() } else { &row[0] };
            assert_eq!(own.status.as_str(), status, "{class}, {reason}");
            if status == plain.status.as_str() || class == Class::RequestInvalid {
                assert_eq!(row[1], cells(&own)[1], "{class}, {reason}");
            }
        }
    }
}
