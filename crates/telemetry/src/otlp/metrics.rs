//! From families of samples to OTLP's metrics: cumulative, with classic buckets and exemplars.
//!
//! The same numbers as a scraper reads, under the names that the conventions have for OTLP. Sending is not here.

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar as ProtoExemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use std::time::Duration;

use super::{Resource, key_value, nanos, scope};
use crate::exposition::{Bucket, Exemplar, Family, Kind, Labels, Spread, Value};
use crate::names::otlp::{ATTRIBUTES, METRICS};

/// When counting began, and when it was read.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The start of the program.
    pub since: Timestamp,
    /// Now.
    pub until: Timestamp,
}

/// The request that hands over what has been counted.
#[must_use]
pub fn export(families: &[Family], resource: &Resource, over: Span) -> ExportMetricsServiceRequest {
    let told = families.iter().filter(|family| !family.samples.is_empty());
    let scope_metrics = vec![ScopeMetrics {
        scope: Some(scope()),
        metrics: told.map(|family| metric(family, over)).collect(),
        schema_url: String::new(),
    }];
    let all = ResourceMetrics { resource: Some(resource.to_proto()), scope_metrics, schema_url: String::new() };
    ExportMetricsServiceRequest { resource_metrics: vec![all] }
}

fn metric(family: &Family, over: Span) -> Metric {
    let known = METRICS.iter().find(|(name, ..)| *name == family.name);
    let unit = if family.name.ends_with("_seconds") { "s" } else { "" };
    let (name, unit) = known.map_or((family.name, unit), |(_, name, unit)| (*name, *unit));
    let cumulative = AggregationTemporality::Cumulative.into();
    let numbers = || family.samples.iter().filter_map(|s| number(&s.labels, &s.value, over)).collect();
    let data = match family.kind {
        Kind::Counter => {
            Data::Sum(Sum { data_points: numbers(), aggregation_temporality: cumulative, is_monotonic: true })
        }
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Histogram => {
            let points = family.samples.iter().filter_map(|s| match &s.value {
                Value::Spread(spread) => Some(distribution(&s.labels, spread, over)),
                Value::Count(_) | Value::Level(_) => None,
            });
            Data::Histogram(Histogram { data_points: points.collect(), aggregation_temporality: cumulative })
        }
    };
    Metric {
        name: name.to_owned(),
        description: family.help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(labels: &Labels, value: &Value, over: Span) -> Option<NumberDataPoint> {
    let value = match value {
        Value::Count(count) => i64::try_from(*count).unwrap_or(i64::MAX),
        Value::Level(level) => *level,
        Value::Spread(_) => return None,
    };
    Some(NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: nanos(over.since, Duration::ZERO),
        time_unix_nano: nanos(over.until, Duration::ZERO),
        value: Some(Number::AsInt(value)),
        ..NumberDataPoint::default()
    })
}

fn distribution(labels: &Labels, spread: &Spread, over: Span) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: nanos(over.since, Duration::ZERO),
        time_unix_nano: nanos(over.until, Duration::ZERO),
        count: spread.count(),
        sum: Some(spread.sum),
        bucket_counts: spread.buckets.iter().map(|bucket| bucket.count).collect(),
        // The last one has no bound, which OTLP does not write.
        explicit_bounds: spread.buckets.iter().map(|b| b.upto).filter(|upto| upto.is_finite()).collect(),
        exemplars: spread.buckets.iter().filter_map(|Bucket { exemplar, .. }| exemplar.as_ref()).map(one).collect(),
        ..HistogramDataPoint::default()
    }
}

fn one(exemplar: &Exemplar) -> ProtoExemplar {
    ProtoExemplar {
        time_unix_nano: nanos(exemplar.at, Duration::ZERO),
        span_id: exemplar.span_id.to_be_bytes().to_vec(),
        trace_id: exemplar.trace_id.to_be_bytes().to_vec(),
        value: Some(ExemplarValue::AsDouble(exemplar.value)),
        ..ProtoExemplar::default()
    }
}

/// An empty label is one that is not there.
fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let named =
        |label: &str| ATTRIBUTES.iter().find(|(of, _)| *of == label).map_or(label.to_owned(), |(_, n)| (*n).to_owned());
    let told = labels.iter().filter(|(_, value)| !value.is_empty());
    told.map(|(label, value)| key_value(&named(label), Any::StringValue(value.to_string()))).collect()
}
