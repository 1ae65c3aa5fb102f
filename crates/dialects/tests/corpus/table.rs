//! What the replays amount to, by provider.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::case::Case;
use crate::replay::Replayed;

#[derive(Default)]
struct Row {
    cases: u32,
    requests: u32,
    recognised: u32,
    answers: u32,
    identical: u32,
    metered: u32,
    usage: u32,
    waiting: BTreeMap<&'static str, u32>,
}

/// One row for each provider.
#[derive(Default)]
pub struct Table {
    rows: BTreeMap<String, Row>,
}

impl Table {
    pub fn cases(&self) -> u32 {
        self.rows.values().map(|r| r.cases).sum()
    }

    /// Notes what became of a case, and what was wrong.
    pub fn note(&mut self, case: &Case, replayed: &Replayed, failures: &mut Vec<String>) {
        let row = self.rows.entry(case.provider.clone()).or_default();
        row.cases += 1;
        if let Some(why) = replayed.waiting {
            *row.waiting.entry(why).or_default() += 1;
        }
        for (what, result) in
            [("recognise", &replayed.recognised), ("pass", &replayed.identical), ("usage", &replayed.usage)]
        {
            if let Err(why) = result {
                failures.push(format!("{} ({}): {what}: {why}", case.name, case.dialect));
            }
        }
        if case.spoken().is_none() {
            return;
        }
        if replayed.waiting.is_none() {
            row.requests += 1;
            row.recognised += u32::from(replayed.recognised.is_ok());
        }
        row.answers += 1;
        row.identical += u32::from(replayed.identical.is_ok());
        if case.is_trusted() {
            row.metered += 1;
            row.usage += u32::from(replayed.usage.is_ok());
        }
    }

    /// The page of the documentation.
    pub fn page(&self) -> String {
        let mut page = String::from(
            "# Conformance\n\n\
             Recorded exchanges with real providers, replayed through the sidecar's dialects by\n\
             `crates/dialects/tests/corpus.rs`. *Recognised*: the request, on a path that is served, is the call it was\n\
             (model, stream, token bounds). *Identical*: the answer leaves byte for byte as it came, delivered whole, byte\n\
             by byte and cut at random places, and what was read of it is the same each time. *Usage*: the tokens read\n\
             are the ones that the provider meant. *Waiting*: what is not spoken or served yet.\n\n",
        );
        page.push_str(&self.markdown());
        page
    }

    fn markdown(&self) -> String {
        let mut text = String::from(
            "| provider | cases | recognised | identical | usage | waiting |\n|---|---|---|---|---|---|\n",
        );
        let mut sum = Row::default();
        for (provider, row) in &self.rows {
            text.push_str(&line(provider, row));
            sum.cases += row.cases;
            sum.requests += row.requests;
            sum.recognised += row.recognised;
            sum.answers += row.answers;
            sum.identical += row.identical;
            sum.metered += row.metered;
            sum.usage += row.usage;
            for (why, n) in &row.waiting {
                *sum.waiting.entry(why).or_default() += n;
            }
        }
        text.push_str(&line("**all**", &sum));
        text
    }
}

fn line(name: &str, row: &Row) -> String {
    let of = |n: u32, all: u32| if all == 0 { "–".to_owned() } else { format!("{n} of {all}") };
    let waiting: BTreeSet<String> = row.waiting.iter().map(|(why, n)| format!("{n} for {why}")).collect();
    let waiting = waiting.into_iter().collect::<Vec<_>>().join("; ");
    format!(
        "| {name} | {} | {} | {} | {} | {waiting} |\n",
        row.cases,
        of(row.recognised, row.requests),
        of(row.identical, row.answers),
        of(row.usage, row.metered),
    )
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.markdown())
    }
}
