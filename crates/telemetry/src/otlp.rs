//! From records to the messages of OTLP (<https://opentelemetry.io/docs/specs/otlp/>).
//!
//! What both signals share; [`spans`] and [`metrics`] translate, [`settings`] says where to. Sending is not here.

pub mod flags;
pub mod metrics;
mod protobuf;
pub mod settings;
pub mod spans;

use std::time::Duration;

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use sidegate_policy::Caller;

use crate::names::resource;

/// What all telemetry of a sidecar is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource(Vec<(String, String)>);

impl Resource {
    /// The sidecar beside `caller`, of that version of the program.
    #[must_use]
    pub fn of(caller: &Caller, version: &str) -> Self {
        let mut resource = Self::named("sidegate-proxy", version);
        resource.set(resource::NAMESPACE, &caller.namespace);
        resource.set(resource::POD, &caller.pod);
        if let Some((kind, name)) = caller.workload.split_once('/')
            && let Some(attribute) = workload(kind)
        {
            resource.set(attribute, name);
        }
        resource
    }

    /// A program that is nobody's sidecar.
    #[must_use]
    pub fn named(service: &str, version: &str) -> Self {
        let mut resource = Self::default();
        resource.set(resource::SERVICE_NAME, service);
        resource.set(resource::SERVICE_VERSION, version);
        resource
    }

    /// Sets an attribute; an empty value says nothing.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(n, _)| n != name);
        if !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Its attributes, each with its value.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn to_proto(&self) -> ProtoResource {
        let attributes = self.0.iter().map(|(name, value)| key_value(name, Any::StringValue(value.clone())));
        ProtoResource { attributes: attributes.collect(), ..ProtoResource::default() }
    }
}

/// The convention's name for a kind of workload.
fn workload(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "deployment" => resource::DEPLOYMENT,
        "statefulset" => resource::STATEFUL_SET,
        "daemonset" => resource::DAEMON_SET,
        "job" => resource::JOB,
        "cronjob" => resource::CRON_JOB,
        _ => return None,
    })
}

/// Whose words these are.
fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "sidegate".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

fn key_value(name: &str, value: Any) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Nanoseconds since 1970.
fn nanos(start: Timestamp, later: Duration) -> u64 {
    let start = u64::try_from(start.as_nanosecond()).unwrap_or(0);
    start.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX))
}
