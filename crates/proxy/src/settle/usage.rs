//! What an answer took: as the provider reported it, or estimated from what was seen, and then it says so.

use sidegate_dialects::meter::Seen;
use sidegate_policy::{Operation, Usage};
use sidegate_telemetry::{Anomaly, CallRecord, UsageSource};

/// Bytes of text for a token, as estimates go for English; the provider's own count wins where there is one.
const BYTES_PER_TOKEN: u64 = 4;

/// What an attempt took.
pub(super) struct Taken {
    pub(super) usage: Option<Usage>,
    pub(super) source: UsageSource,
    /// Money may have been taken for it.
    pub(super) billed: bool,
}

impl Taken {
    /// The request was sent and nothing came back: the prompt may have been read.
    pub(super) fn nothing_seen(record: &CallRecord) -> Self {
        let usage = Usage { input_total: record.bytes_in / BYTES_PER_TOKEN, ..Usage::default() };
        Self { usage: Some(usage), source: UsageSource::Estimated, billed: is_billed(record) }.or_free()
    }

    /// Operations that nobody bills took nothing.
    fn or_free(self) -> Self {
        if self.billed { self } else { Self { usage: None, source: UsageSource::None, billed: false } }
    }
}

fn is_billed(record: &CallRecord) -> bool {
    record.operation.is_none_or(Operation::is_billed)
}

/// What a successful answer took. `complete`: it came to its end.
pub(super) fn of_answer(record: &mut CallRecord, seen: &Seen, complete: bool) -> Taken {
    let billed = is_billed(record);
    note_anomalies(record, seen, billed && complete);
    let reported = seen.usage.filter(|_| billed);
    let taken = match reported {
        // A stream may be cut after a first report that holds the prompt but hardly any of the answer.
        Some(usage) if complete => Taken { usage: Some(usage), source: UsageSource::Provider, billed },
        Some(usage) => {
            let output_total = usage.output_total.max(seen.content_bytes.div_ceil(BYTES_PER_TOKEN));
            Taken { usage: Some(Usage { output_total, ..usage }), source: UsageSource::Estimated, billed }
        }
        None => {
            let usage = Usage {
                input_total: record.bytes_in / BYTES_PER_TOKEN,
                output_total: seen.content_bytes.div_ceil(BYTES_PER_TOKEN),
                ..Usage::default()
            };
            Taken { usage: Some(usage), source: UsageSource::Estimated, billed }
        }
    };
    taken.or_free()
}

fn note_anomalies(record: &mut CallRecord, seen: &Seen, usage_expected: bool) {
    if usage_expected && seen.usage.is_none() {
        record.anomalies.push(Anomaly::UsageMissing);
    }
    if seen.anomalies > 0 {
        record.anomalies.push(Anomaly::UsageUnreadable);
    }
    if seen.usage.is_some_and(|usage| overlaps(&usage)) {
        record.anomalies.push(Anomaly::UsageOverlaps);
    }
    let above = |estimate: &sidegate_telemetry::Estimate, usage: &Usage| {
        usage.input_total > estimate.input_tokens || usage.output_total > estimate.output_tokens
    };
    if let (Some(estimate), Some(usage)) = (&record.estimate, &seen.usage)
        && above(estimate, usage)
    {
        record.anomalies.push(Anomaly::UsageAboveBound);
    }
}

/// Whether the classes of a usage claim more than the totals that contain them.
fn overlaps(usage: &Usage) -> bool {
    let input = [usage.cache_read, usage.cache_write, usage.audio_input];
    let output = [usage.audio_output, usage.reasoning];
    let sum = |classes: &[Option<u64>]| classes.iter().flatten().fold(0_u64, |sum, n| sum.saturating_add(*n));
    sum(&input) > usage.input_total || output.iter().flatten().any(|n| *n > usage.output_total)
}
