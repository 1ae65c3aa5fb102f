//! The answers of several replicas of a control plane as one: each knows the sidecars of its own streams alone.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sidegate_wire::v1;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::{Status, Streaming};

/// Reasons that are told of each row.
const MOST_FAILURES: usize = 5;
/// Events of all replicas that wait to be shown. Beyond that their streams are not read, and they count what they leave out.
const MOST_WAITING: usize = 16;

/// Of how many sidecars several answers speak together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// The replicas that answered.
    pub replicas: usize,
    /// Their sidecars.
    pub sidecars: u32,
    /// All pods with a sidecar that there are, as far as a replica knows.
    pub pods: Option<u32>,
}

impl Covered {
    /// By these replicas.
    pub fn by(coverages: &[v1::Coverage]) -> Self {
        Self {
            replicas: coverages.len(),
            sidecars: coverages.iter().fold(0, |sum, coverage| sum.saturating_add(coverage.sidecars)),
            pods: coverages.iter().filter_map(|coverage| coverage.pods).max(),
        }
    }

    /// `3 sidecars of 5 pods known to this replica`
    pub fn tell(&self) -> String {
        let many = |n: u32, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        let sidecars = many(self.sidecars, "sidecar");
        let whom =
            if self.replicas > 1 { format!("these {} replicas", self.replicas) } else { "this replica".to_owned() };
        self.pods.map_or(sidecars.clone(), |pods| format!("{sidecars} of {} known to {whom}", many(pods, "pod")))
    }
}

/// What is known of replicas that are listened to.
#[derive(Debug)]
pub struct Listened(Vec<Known>);

#[derive(Debug, Clone, Copy)]
enum Known {
    Nothing,
    Covers(v1::Coverage),
    Gone,
}

impl Listened {
    /// So many, of which nothing is known yet.
    pub fn to(replicas: usize) -> Self {
        Self(vec![Known::Nothing; replicas])
    }

    /// One says of how many sidecars it speaks. What all speak of together, once all that are there have said theirs.
    pub fn covers(&mut self, replica: usize, coverage: v1::Coverage) -> Option<Covered> {
        self.now(replica, Known::Covers(coverage))
    }

    /// One speaks no more. What those that are left speak of together.
    pub fn ended(&mut self, replica: usize) -> Option<Covered> {
        self.now(replica, Known::Gone)
    }

    /// Whether nobody is left.
    pub fn is_over(&self) -> bool {
        self.0.iter().all(|known| matches!(known, Known::Gone))
    }

    fn now(&mut self, replica: usize, known: Known) -> Option<Covered> {
        if let Some(place) = self.0.get_mut(replica) {
            *place = known;
        }
        let mut coverages = Vec::new();
        for known in &self.0 {
            match known {
                Known::Nothing => return None,
                Known::Covers(coverage) => coverages.push(*coverage),
                Known::Gone => {}
            }
        }
        (!coverages.is_empty()).then(|| Covered::by(&coverages))
    }
}

/// A table of all replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub covered: Covered,
    /// How far the sums of each replica reach back, in seconds: the least and the most.
    pub seconds: (u32, u32),
    /// Who spends most comes first.
    pub rows: Vec<v1::TopRow>,
    /// Of all rows, those left out included.
    pub total: Option<v1::TopRow>,
    /// At least, where a replica left some out itself.
    pub rows_left_out: u32,
}

impl Table {
    /// The `most` rows that spent most by the tables of all replicas. What a replica left out is in the total alone.
    pub fn of(tables: &[v1::TopTable], most: u32) -> Self {
        let coverages: Vec<_> = tables.iter().map(|table| table.coverage.unwrap_or_default()).collect();
        let seconds = tables.iter().map(|table| table.seconds);
        let seconds = (seconds.clone().min().unwrap_or(0), seconds.max().unwrap_or(0));
        let left_out = tables.iter().map(|table| table.rows_left_out).max().unwrap_or(0);
        let (mut by_name, mut total) = (BTreeMap::<_, v1::TopRow>::new(), None);
        for table in tables {
            for row in &table.rows {
                let name = (row.namespace.as_str(), row.workload.as_str(), row.model.as_str());
                add(by_name.entry(name).or_insert_with(|| named(row)), row);
            }
            if let Some(row) = &table.total {
                add(total.get_or_insert_default(), row);
            }
        }
        let mut rows: Vec<_> = by_name.into_values().collect();
        rows.iter_mut().chain(&mut total).for_each(most_frequent);
        // Stable: what spent alike stays in the order of its names.
        rows.sort_by_key(|row| (Reverse(row.cost_nanodollars), Reverse(row.calls)));
        let beyond = u32::try_from(rows.len()).unwrap_or(u32::MAX).saturating_sub(most);
        rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Self { covered: Covered::by(&coverages), seconds, rows, total, rows_left_out: left_out.saturating_add(beyond) }
    }
}

/// A row of that name, without calls.
fn named(row: &v1::TopRow) -> v1::TopRow {
    let v1::TopRow { namespace, workload, model, .. } = row.clone();
    v1::TopRow { namespace, workload, model, ..v1::TopRow::default() }
}

fn add(sum: &mut v1::TopRow, row: &v1::TopRow) {
    let more = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
    more(&mut sum.calls, row.calls);
    more(&mut sum.errors, row.errors);
    more(&mut sum.attempts, row.attempts);
    more(&mut sum.fallbacks, row.fallbacks);
    more(&mut sum.input_tokens, row.input_tokens);
    more(&mut sum.output_tokens, row.output_tokens);
    more(&mut sum.unpriced, row.unpriced);
    sum.cost_nanodollars = sum.cost_nanodollars.saturating_add(row.cost_nanodollars);
    for failures in &row.failures {
        match sum.failures.iter_mut().find(|known| known.why == failures.why) {
            Some(known) => more(&mut known.calls, failures.calls),
            None => sum.failures.push(failures.clone()),
        }
    }
}

/// Keeps the reasons that are told, when all are known.
fn most_frequent(row: &mut v1::TopRow) {
    row.failures.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.why.cmp(&b.why)));
    row.failures.truncate(MOST_FAILURES);
}

/// What came of one of several streams: its number, and an event, or how it ended.
pub type Heard<T> = (usize, Result<Option<T>, Status>);

/// The events of several streams as they come.
pub struct Merged<T> {
    heard: mpsc::Receiver<Heard<T>>,
    _tasks: JoinSet<()>,
}

impl<T: Send + 'static> Merged<T> {
    pub fn of(streams: impl IntoIterator<Item = Streaming<T>>) -> Self {
        let (tell, heard) = mpsc::channel(MOST_WAITING);
        let mut tasks = JoinSet::new();
        for (number, mut stream) in streams.into_iter().enumerate() {
            let tell = tell.clone();
            tasks.spawn(async move {
                loop {
                    let event = stream.message().await;
                    let goes_on = matches!(event, Ok(Some(_)));
                    if tell.send((number, event)).await.is_err() || !goes_on {
                        return;
                    }
                }
            });
        }
        Self { heard, _tasks: tasks }
    }

    /// What comes next; none when all streams have ended.
    pub async fn next(&mut self) -> Option<Heard<T>> {
        self.heard.recv().await
    }
}
