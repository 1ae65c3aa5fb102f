//! What the variables say, and what of it is refused.

use std::time::Duration;

use rustls::RootCertStore;
use sidegate_policy::Caller;

use super::super::Resource;
use super::super::flags::{Hidden, OtlpFlags};
use super::{Protocol, Target, resource};

fn hidden(text: &str) -> Option<Hidden> {
    text.parse().ok()
}

fn traces(flags: &OtlpFlags) -> Result<Option<Target>, String> {
    super::traces(flags, RootCertStore::empty)
}

fn metrics(flags: &OtlpFlags) -> Result<Option<Target>, String> {
    super::metrics(flags, RootCertStore::empty)
}

fn to(endpoint: &str) -> OtlpFlags {
    OtlpFlags { endpoint: hidden(endpoint), ..OtlpFlags::default() }
}

fn target(flags: &OtlpFlags) -> Target {
    traces(flags).unwrap().unwrap()
}

#[test]
fn without_an_endpoint_or_when_told_so_nothing_is_sent() {
    let said = |text: &str| Some(text.to_owned());
    for flags in [
        OtlpFlags::default(),
        to(""),
        OtlpFlags { disabled: said("TRUE"), ..to("http://c:4318") },
        OtlpFlags { traces_exporter: said("none"), ..to("http://c:4318") },
        OtlpFlags { traces_exporter: said("console"), ..to("http://c:4318") },
    ] {
        assert!(traces(&flags).unwrap().is_none());
    }
    assert!(traces(&OtlpFlags { disabled: said("false"), ..to("http://c:4318") }).unwrap().is_some());
}

#[test]
fn an_exporter_that_is_named_has_an_address_and_others_beside_it_are_not_ours() {
    let said = |text: &str| Some(text.to_owned());
    let flags = OtlpFlags { traces_exporter: said("console, otlp"), ..OtlpFlags::default() };
    assert_eq!(target(&flags).uri, "http://localhost:4318/v1/traces");
    let flags = OtlpFlags { protocol: said("grpc"), ..flags };
    assert_eq!((target(&flags).port, target(&flags).protocol), (4317, Protocol::Grpc));
    for scraped in [None, said("prometheus"), said("none"), said("console")] {
        assert!(metrics(&OtlpFlags { metrics_exporter: scraped, ..to("http://c:4318") }).unwrap().is_none());
    }
    let flags = OtlpFlags { metrics_exporter: said("prometheus,otlp"), ..OtlpFlags::default() };
    assert_eq!(metrics(&flags).unwrap().unwrap().uri, "http://localhost:4318/v1/metrics");
}

#[test]
fn the_path_is_added_to_a_base_and_not_to_an_endpoint_of_its_own() {
    assert_eq!(target(&to("http://c:4318")).uri, "http://c:4318/v1/traces");
    assert_eq!(target(&to("https://c/otel/")).uri, "https://c/otel/v1/traces");
    let mut flags = to("http://general:4318");
    flags.traces.traces_endpoint = hidden("http://own:9/in?x=1");
    let own = target(&flags);
    assert_eq!((own.uri.to_string().as_str(), own.host.as_str(), own.port), ("http://own:9/in?x=1", "own", 9));
    flags.traces.traces_endpoint = hidden("http://own:9");
    assert_eq!(target(&flags).uri, "http://own:9/");
}

#[test]
fn the_protocol_is_what_is_said_or_what_the_port_is_for() {
    let of = |endpoint: &str, said: &str| {
        let protocol = Some(said.to_owned());
        target(&OtlpFlags { protocol, ..to(endpoint) }).protocol
    };
    assert_eq!(of("http://c:4317", ""), Protocol::Grpc);
    assert_eq!(of("http://c:4318", ""), Protocol::Http);
    assert_eq!(of("http://c", ""), Protocol::Http);
    assert_eq!(of("http://c:4317", "http/protobuf"), Protocol::Http);
    assert_eq!(of("http://c", "grpc"), Protocol::Grpc);
    assert_eq!(target(&OtlpFlags { protocol: Some("grpc".into()), ..to("https://[::1]") }).port, 443);
    assert_eq!(target(&to("https://[::1]")).host, "::1");
}

#[test]
fn what_is_said_for_traces_wins_over_what_is_said_for_all() {
    let mut flags = to("http://c:4318");
    flags.headers = hidden("a=general");
    flags.timeout = Some("1000".to_owned());
    flags.compression = Some("gzip".to_owned());
    let general = target(&flags);
    assert_eq!(
        (general.headers["a"].as_bytes(), general.timeout, general.gzip),
        (&b"general"[..], Duration::from_secs(1), true)
    );
    flags.traces.traces_headers = hidden("B=own%20value,c=d%3De");
    flags.traces.traces_timeout = Some("2500".to_owned());
    flags.traces.traces_compression = Some("none".to_owned());
    let own = target(&flags);
    assert_eq!((own.headers["b"].as_bytes(), own.headers["c"].as_bytes()), (&b"own value"[..], &b"d=e"[..]));
    assert_eq!((own.headers.get("a"), own.timeout, own.gzip), (None, Duration::from_millis(2500), false));
    assert_eq!(target(&to("http://c:4318")).timeout, Duration::from_secs(10));
}

#[test]
fn what_cannot_be_is_refused_and_no_value_is_shown() {
    let said = || Some("CANARY".to_owned());
    let wrong = [
        to("CANARY"),
        to("ftp://CANARY"),
        to("http://"),
        to("http://user:CANARY@c:4318"),
        OtlpFlags { protocol: said(), ..to("http://c") },
        OtlpFlags { compression: said(), ..to("http://c") },
        OtlpFlags { timeout: said(), ..to("http://c") },
        OtlpFlags { timeout: Some("0".to_owned()), ..to("http://c") },
        OtlpFlags { headers: hidden("authorization: CANARY"), ..to("http://c") },
        OtlpFlags { headers: hidden("a b=CANARY"), ..to("http://c") },
        OtlpFlags { headers: hidden("a=CANARY%0a"), ..to("http://c") },
        OtlpFlags { disabled: said(), ..to("http://c") },
        OtlpFlags { client_key: Some("/nowhere".into()), ..to("https://c") },
        OtlpFlags { certificate: Some("/nowhere".into()), ..to("https://c") },
        OtlpFlags { certificate: Some("/dev/null".into()), ..to("https://c") },
    ];
    for flags in wrong {
        let told = traces(&flags).err().unwrap_or_else(|| panic!("{flags:?} is taken"));
        assert!(!told.contains("CANARY"), "{told}");
    }
    assert!(!format!("{:?}", to("http://CANARY")).contains("CANARY"));
}

#[test]
fn a_resource_is_the_pod_unless_something_else_is_said() {
    let caller = Caller { namespace: "shop".into(), pod: "web-1".into(), ..Caller::default() };
    let flags = OtlpFlags {
        resource_attributes: Some("service.name=b, deployment.environment.name=a%2Cb,k8s.pod.name=mine".to_owned()),
        service_name: Some("mine".to_owned()),
        ..OtlpFlags::default()
    };
    let told = resource(&flags, Resource::of(&caller, "1")).unwrap();
    for (name, value) in [
        ("service.name", "mine"),
        ("deployment.environment.name", "a,b"),
        ("k8s.pod.name", "mine"),
        ("k8s.namespace.name", "shop"),
    ] {
        assert_eq!(told.get(name), Some(value), "{name}");
    }
    let wrong = OtlpFlags { resource_attributes: Some("nothing".into()), ..OtlpFlags::default() };
    assert!(resource(&wrong, Resource::default()).is_err());
}
