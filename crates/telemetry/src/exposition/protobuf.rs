//! The protobuf form: `io.prometheus.client.MetricFamily` messages, each behind its length.
//!
//! The numbers of the fields are those of
//! <https://github.com/prometheus/client_model/blob/v0.6.1/io/prometheus/client/metrics.proto>. Only what is
//! told here is here: neither summaries nor float histograms nor negative buckets.

use prost::Message;

use super::{Exemplar, Family, Kind, Labels, Native, Sample, Spread, Value};

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, boxed, tag = "7")]
    histogram: Option<Box<Histogram>>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// A `Counter` or a `Gauge`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Number {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    buckets: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    positive_deltas: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<ExemplarMessage>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
struct ExemplarMessage {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<LabelPair>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Time>,
}

/// A `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Writes families.
pub(super) fn write(families: &[Family]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 << 10);
    for family in families.iter().filter(|f| !f.samples.is_empty()) {
        let (kind, suffix) = match family.kind {
            Kind::Counter => (0, "_total"),
            Kind::Gauge => (1, ""),
            Kind::Histogram => (4, ""),
        };
        let message = MetricFamily {
            name: format!("{}{suffix}", family.name),
            help: family.help.to_owned(),
            kind,
            metrics: family.samples.iter().map(metric).collect(),
        };
        // A vector has room for everything.
        let _ = message.encode_length_delimited(&mut out);
    }
    out
}

fn metric(sample: &Sample) -> Metric {
    let mut metric = Metric { labels: labels(&sample.labels), ..Metric::default() };
    match &sample.value {
        Value::Count(count) => metric.counter = Some(Number { value: *count as f64 }),
        Value::Level(level) => metric.gauge = Some(Number { value: *level as f64 }),
        Value::Spread(spread) => metric.histogram = Some(Box::new(histogram(spread))),
    }
    metric
}

fn labels(labels: &Labels) -> Vec<LabelPair> {
    labels.iter().map(|(name, value)| LabelPair { name: (*name).to_owned(), value: value.to_string() }).collect()
}

fn histogram(spread: &Spread) -> Histogram {
    let mut cumulative_count = 0;
    let buckets = spread.buckets.iter().map(|bucket| {
        cumulative_count += bucket.count;
        Bucket { cumulative_count, upper_bound: bucket.upto, exemplar: bucket.exemplar.as_ref().map(exemplar) }
    });
    let buckets = buckets.collect();
    let (positive_spans, positive_deltas) = sparse(&spread.native);
    Histogram {
        // A reader may hold the count against the native buckets, which another thread may have just filled.
        sample_count: spread.native.zero + spread.native.counts.iter().sum::<u64>(),
        sample_sum: spread.sum,
        buckets,
        schema: spread.native.schema,
        zero_threshold: spread.native.zero_threshold,
        zero_count: spread.native.zero,
        positive_spans,
        positive_deltas,
    }
}

/// Runs of buckets that are not empty, each with its distance to the one before, and what each bucket has more
/// than the one before it.
fn sparse(native: &Native) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<BucketSpan>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut gap, mut before) = (native.first, 0_i64);
    for count in &native.counts {
        if *count == 0 {
            gap += 1;
            continue;
        }
        match spans.last_mut() {
            Some(span) if gap == 0 => span.length += 1,
            _ => spans.push(BucketSpan { offset: gap, length: 1 }),
        }
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        (gap, before) = (0, count);
    }
    (spans, deltas)
}

fn exemplar(exemplar: &Exemplar) -> ExemplarMessage {
    let label = |name: &str, value: String| LabelPair { name: name.to_owned(), value };
    ExemplarMessage {
        labels: vec![
            label("trace_id", format!("{:032x}", exemplar.trace_id)),
            label("span_id", format!("{:016x}", exemplar.span_id)),
        ],
        value: exemplar.value,
        timestamp: Some(Time { seconds: exemplar.at.as_second(), nanos: exemplar.at.subsec_nanosecond() }),
    }
}
