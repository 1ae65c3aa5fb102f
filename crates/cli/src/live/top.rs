//! `sidegate top`: who spends most, and why calls fail, over the last minutes.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use sidegate_policy::Nanos;
use sidegate_wire::v1;

use super::line::plain;
use super::reach::{Asking, Reach};
use super::replicas::{Merged, Table};
use crate::failure::{Failure, UNAVAILABLE};
use crate::output::{Form, columns, print_text};
use crate::words;

/// Seconds between two tables on a terminal.
const REFRESH: u32 = 2;
/// Rows that a replica tells at most.
const ALL_ROWS: u32 = 1_000;
/// Back to the first cell of a terminal, and nothing below.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// Flags of `sidegate top`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "On a terminal the table is drawn anew every two seconds; otherwise it is printed once.\n\
                        Sidecars report every five seconds. A replica of the control plane knows the last quarter of an hour of its own \
                        sidecars, in steps of half a minute; the audit trail knows more. Of several replicas the sum is shown.")]
pub struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// What rows are told apart by.
    #[arg(long, value_enum, default_value = "workload")]
    by: By,
    /// How far to look back: 30s, 5m, at most 15m.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = last)]
    last: Duration,
    /// Rows at most.
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    rows: u32,
    /// Print one table and end, on a terminal too.
    #[arg(long)]
    once: bool,
    /// Print one table for programs.
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// A name of a row.
type Name = fn(&v1::TopRow) -> &str;

/// What rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// Namespaces.
    Namespace,
    /// What pods are part of.
    Workload,
    /// Models, as served; as asked for where nobody served them.
    Model,
}

/// Reads a time that sums are kept for.
fn last(text: &str) -> Result<Duration, String> {
    let wanted = "write a time from 30s to 15m, as 90s or 5m";
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        _ => return Err(wanted.to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| wanted)?;
    let time = Duration::from_secs(number.saturating_mul(seconds));
    let kept = Duration::from_secs(30)..=Duration::from_secs(15 * 60);
    if kept.contains(&time) { Ok(time) } else { Err(wanted.to_owned()) }
}

/// Shows the table, again and again on a terminal.
///
/// # Errors
/// When there is nobody to ask, or whoever asks may not.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    super::run(top(arguments))
}

async fn top(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let goes_on = !arguments.once && arguments.output.is_none() && std::io::stdout().is_terminal();
    let by = match arguments.by {
        By::Namespace => v1::TopBy::Namespace,
        By::Workload => v1::TopBy::Workload,
        By::Model => v1::TopBy::Model,
    };
    let ask = async |mut asking: Asking| {
        let request = v1::TopRequest {
            scope: Some(asking.scope.clone()),
            by: by.into(),
            last_seconds: u32::try_from(arguments.last.as_secs()).unwrap_or(u32::MAX),
            refresh_seconds: if goes_on { REFRESH } else { 0 },
            // Who is last at each replica may be first by the sum.
            rows: if arguments.reach.is_of_several() { ALL_ROWS } else { arguments.rows },
        };
        let tables = asking.client.top(asking.request(request)).await?;
        // What may not be seen is told by the first answer at the latest.
        let mut tables = tables.into_inner();
        let first = tables.message().await?;
        Ok((tables, first))
    };
    let mut first = Vec::new();
    let (mut addresses, mut streams) = (Vec::new(), Vec::new());
    for (address, (stream, table)) in arguments.reach.ask(ask).await? {
        first.push(super::ended(Ok(table)).map_err(|failure| arguments.reach.whose(address, failure))?);
        addresses.push(address);
        streams.push(stream);
    }
    let (mut tables, mut more) = (first, Merged::of(streams));
    loop {
        let table = Table::of(&tables, arguments.rows);
        if !goes_on {
            print_text(&printed(&table, arguments.output)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        if !super::write(&format!("{CLEAR}{}", told(&table))) {
            return Ok(ExitCode::SUCCESS);
        }
        // The latest of each, whoever is slower than the others.
        let Some((replica, next)) = more.next().await else { return Ok(ExitCode::SUCCESS) };
        tables[replica] = super::ended(next).map_err(|failure| arguments.reach.whose(addresses[replica], failure))?;
    }
}

fn printed(table: &Table, form: Option<Form>) -> Result<String, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::new(UNAVAILABLE, format!("cannot print the answer: {error}"));
    let value = || {
        json!({
            "replicas": table.covered.replicas,
            "sidecars": table.covered.sidecars,
            "pods": table.covered.pods,
            "seconds": table.seconds.1,
            "leastSeconds": table.seconds.0,
            "rows": table.rows.iter().map(row_value).collect::<Vec<_>>(),
            "total": table.total.as_ref().map(row_value),
            "rowsLeftOut": table.rows_left_out,
        })
    };
    match form {
        None => Ok(told(table)),
        Some(Form::Json) => serde_json::to_string_pretty(&value()).map(|text| text + "\n").map_err(|e| broken(&e)),
        Some(Form::Yaml) => serde_yaml::to_string(&value()).map_err(|e| broken(&e)),
    }
}

fn row_value(row: &v1::TopRow) -> Value {
    let failures: Vec<Value> = row.failures.iter().map(|f| json!({"why": f.why, "calls": f.calls})).collect();
    let mut value = json!({
        "calls": row.calls,
        "errors": row.errors,
        "attempts": row.attempts,
        "fallbacks": row.fallbacks,
        "inputTokens": row.input_tokens,
        "outputTokens": row.output_tokens,
        "costNanodollars": row.cost_nanodollars,
        "unpricedCalls": row.unpriced,
        "failures": failures,
    });
    for (name, text) in [("namespace", &row.namespace), ("workload", &row.workload), ("model", &row.model)] {
        if !text.is_empty() {
            value[name] = text.as_str().into();
        }
    }
    value
}

/// The table for people.
fn told(table: &Table) -> String {
    let (least, most) = table.seconds;
    let time = |seconds: u32| words::duration(Duration::from_secs(seconds.into()));
    let time = if least == most { time(most) } else { format!("{} to {}", time(least), time(most)) };
    let mut text = format!("The last {time}, {}\n\n", table.covered.tell());
    if table.rows.is_empty() {
        return text + "  no calls\n";
    }
    let all: [(&str, Name); 3] =
        [("NAMESPACE", |row| &row.namespace), ("WORKLOAD", |row| &row.workload), ("MODEL", |row| &row.model)];
    let names: Vec<_> = all.into_iter().filter(|(_, of)| table.rows.iter().any(|row| !of(row).is_empty())).collect();
    let numbers = ["COST", "CALLS", "ERRORS", "IN", "OUT", "ATTEMPTS", "FALLBACKS", "WHY CALLS FAIL"];
    let head = names.iter().map(|(name, _)| *name).chain(numbers);
    let mut rows = vec![head.map(str::to_owned).collect::<Vec<_>>()];
    for row in &table.rows {
        let name = |of: &Name| if of(row).is_empty() { "-".to_owned() } else { plain(of(row)) };
        rows.push(names.iter().map(|(_, of)| name(of)).chain(cells(row)).collect());
    }
    if let Some(total) = table.total.as_ref().filter(|_| table.rows.len() > 1 || table.rows_left_out > 0) {
        let blank = names.iter().skip(1).map(|_| String::new());
        rows.push(std::iter::once("TOTAL".to_owned()).chain(blank).chain(cells(total)).collect());
    }
    text.push_str(&columns(&rows));
    if table.rows_left_out > 0 {
        text.push_str(&format!("\n  {} more rows are left out, see --rows\n", table.rows_left_out));
    }
    text
}

/// The numbers of a row.
fn cells(row: &v1::TopRow) -> impl Iterator<Item = String> {
    let unpriced = if row.unpriced > 0 { format!(" + {} unpriced", row.unpriced) } else { String::new() };
    let why: Vec<String> = row.failures.iter().map(|f| format!("{} {}", plain(&f.why), f.calls)).collect();
    let errors = match row.errors {
        0 => "0".to_owned(),
        errors => format!("{errors} ({})", share(errors, row.calls)),
    };
    [
        format!("${}{unpriced}", Nanos(row.cost_nanodollars.into())),
        row.calls.to_string(),
        errors,
        row.input_tokens.to_string(),
        row.output_tokens.to_string(),
        row.attempts.to_string(),
        row.fallbacks.to_string(),
        why.join(", "),
    ]
    .into_iter()
}

fn share(part: u64, whole: u64) -> String {
    words::share(u32::try_from(part).unwrap_or(u32::MAX), whole)
}
