//! What a scraper is told: families of samples as plain data, and the three forms that it may be told in.
//!
//! Whoever counts hands over [`Family`]s; which [`Form`] they are written in is the scraper's choice, by its
//! `Accept`. Only the protobuf form can carry native histograms, and the oldest text form no exemplars. Nothing
//! is counted here and no socket is known.

mod protobuf;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use jiff::Timestamp;

/// Names of labels with their values.
pub type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// What the samples of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They only rise, but for a new start.
    Counter,
    /// They are what is at the moment.
    Gauge,
    /// They are distributions.
    Histogram,
}

/// One metric with all its label sets.
#[derive(Debug, Clone)]
pub struct Family {
    /// Its name, without what a form adds to it.
    pub name: &'static str,
    /// What it counts, in one line.
    pub help: &'static str,
    /// What its samples are.
    pub kind: Kind,
    /// One for each label set. A family without any is not told.
    pub samples: Vec<Sample>,
}

/// One label set and its value.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it is about.
    pub labels: Labels,
    /// How much.
    pub value: Value,
}

/// How much.
#[derive(Debug, Clone)]
pub enum Value {
    /// Of a counter.
    Count(u64),
    /// Of a gauge.
    Level(i64),
    /// Of a histogram.
    Spread(Box<Spread>),
}

/// A distribution, in classic buckets and in native ones.
#[derive(Debug, Clone)]
pub struct Spread {
    /// Of all values.
    pub sum: f64,
    /// By their upper bounds; the last one is infinite.
    pub buckets: Vec<Bucket>,
    /// The same values, finer.
    pub native: Native,
}

/// A classic bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its upper bound, which belongs to it.
    pub upto: f64,
    /// Values above the bound before and not above this one.
    pub count: u64,
    /// One of them that a trace tells more of.
    pub exemplar: Option<Exemplar>,
}

/// Exponential buckets: the `i`th ends at `2^(i / 2^schema)`.
#[derive(Debug, Clone)]
pub struct Native {
    /// `2^schema` buckets double the bound.
    pub schema: i32,
    /// Up to here values count as zero.
    pub zero_threshold: f64,
    /// Values that count as zero.
    pub zero: u64,
    /// Number of the first bucket.
    pub first: i32,
    /// Values in it and in those that follow.
    pub counts: Vec<u64>,
}

/// A value of a sampled call, and where to read on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// The value.
    pub value: f64,
    /// The trace.
    pub trace_id: u128,
    /// The span in it.
    pub span_id: u64,
    /// When it was.
    pub at: Timestamp,
}

impl Spread {
    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|b| b.count).sum()
    }
}

/// A form that metrics are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Prometheus' text, version 0.0.4: what everybody reads.
    Text,
    /// `OpenMetrics` 1.0 text, with exemplars.
    OpenMetrics,
    /// Prometheus' protobuf messages, each behind its length, with exemplars and native histograms.
    Protobuf,
}

impl Form {
    /// The form that a scraper prefers, by its `Accept`; text if it says nothing that is known here.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let mut best = (Self::Text, 0.0);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut weight, mut fits) = (1.0_f64, true);
            for (name, value) in parts.filter_map(|p| p.split_once('=')) {
                match name.trim() {
                    "q" => weight = value.trim().parse().unwrap_or(0.0),
                    "proto" => fits &= value == "io.prometheus.client.MetricFamily",
                    "encoding" => fits &= value == "delimited",
                    _ => {}
                }
            }
            let form = match kind {
                "application/vnd.google.protobuf" if fits => Self::Protobuf,
                "application/openmetrics-text" => Self::OpenMetrics,
                "text/plain" | "text/*" | "*/*" => Self::Text,
                _ => continue,
            };
            if weight > best.1 {
                best = (form, weight);
            }
        }
        best.0
    }

    /// Its content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// Writes families in this form.
    #[must_use]
    pub fn write(self, families: &[Family]) -> Vec<u8> {
        match self {
            Self::Text => text::write(families, false).into_bytes(),
            Self::OpenMetrics => text::write(families, true).into_bytes(),
            Self::Protobuf => protobuf::write(families),
        }
    }
}
