//! The metrics that a scraper reads, as instruments of the library: under the same names, with the same labels.
//!
//! What is counted elsewhere is observed when it is to be sent. A histogram cannot be observed, so the one that there is
//! is told each value beside, where it is measured.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use sidegate_telemetry::exposition::{Family, Kind, Labels, Sample, Value};
use sidegate_telemetry::names::control::label;

use crate::control::Control;
use crate::metrics;

/// Everything that is told, as it was read last and not yet observed.
struct Reading {
    control: Weak<Control>,
    families: Mutex<BTreeMap<&'static str, Family>>,
}

impl Reading {
    /// The samples of a family. Each instrument takes its own out of one reading; the first one that finds nothing left
    /// begins the next, so that what is sent together was read together.
    fn take(&self, name: &'static str) -> Vec<Sample> {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        if !families.contains_key(name)
            && let Some(control) = self.control.upgrade()
        {
            *families = metrics::read(&control).into_iter().map(|family| (family.name, family)).collect();
        }
        families.remove(name).map(|family| family.samples).unwrap_or_default()
    }
}

/// Has everything that `control` tells observed from now on.
pub(super) fn observe(provider: &SdkMeterProvider, control: &Arc<Control>) {
    let meter = provider.meter_with_scope(super::scope());
    let reading = Arc::new(Reading { control: Arc::downgrade(control), families: Mutex::default() });
    for family in metrics::read(control) {
        match family.kind {
            Kind::Counter => counter(&meter, &family, reading.clone()),
            Kind::Gauge => gauge(&meter, &family, reading.clone()),
            Kind::Histogram => histogram(&meter, &family, control),
        }
    }
}

fn counter(meter: &Meter, family: &Family, reading: Arc<Reading>) {
    let name = family.name;
    meter
        .u64_observable_counter(name)
        .with_description(family.help)
        .with_unit(unit(name))
        .with_callback(move |observer| {
            for sample in reading.take(name) {
                if let Value::Count(count) = sample.value {
                    observer.observe(count, &attributes(&sample.labels));
                }
            }
        })
        .build();
}

fn gauge(meter: &Meter, family: &Family, reading: Arc<Reading>) {
    let name = family.name;
    meter
        .i64_observable_gauge(name)
        .with_description(family.help)
        .with_unit(unit(name))
        .with_callback(move |observer| {
            for sample in reading.take(name) {
                if let Value::Level(level) = sample.value {
                    observer.observe(level, &attributes(&sample.labels));
                }
            }
        })
        .build();
}

fn histogram(meter: &Meter, family: &Family, control: &Control) {
    let Some(Value::Spread(spread)) = family.samples.first().map(|sample| &sample.value) else { return };
    let bounds = spread.buckets.iter().map(|bucket| bucket.upto).filter(|upto| upto.is_finite());
    let histogram = meter
        .f64_histogram(family.name)
        .with_description(family.help)
        .with_unit(unit(family.name))
        .with_boundaries(bounds.collect())
        .build();
    for (subject, per) in control.counters.subjects() {
        per.tell_beside(histogram.clone(), KeyValue::new(label::SUBJECT, subject));
    }
}

fn unit(name: &str) -> &'static str {
    if name.ends_with("_seconds") { "s" } else { "" }
}

/// An empty label is one that is not there.
fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let told = labels.iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, value)| KeyValue::new(*name, value.to_string())).collect()
}
