//! From flags to what sending needs: everything is read and judged before a socket is bound.
//!
//! The same for every program that sends, so that a variable means the same in each. Errors name the variable and never
//! its value. Which authorities are public is the program's to say; nothing is sent here.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::Resource;
use super::flags::{Hidden, OtlpFlags};
use crate::names::resource as name;

/// How long a request may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The port of gRPC.
const GRPC_PORT: u16 = 4317;
/// Attributes of the resource that are taken from the environment.
const MAX_ATTRIBUTES: usize = 64;

/// The authorities that everybody trusts, as a program knows them.
pub type Authorities = fn() -> RootCertStore;

/// How requests are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// Protobuf in the body of a POST over HTTP/1.1.
    Http,
}

/// Where one signal goes, and how.
#[derive(Clone)]
pub struct Target {
    /// How requests are carried.
    pub protocol: Protocol,
    /// Speaks TLS, with this configuration.
    pub tls: Option<Arc<ClientConfig>>,
    /// Name or address of the back-end, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Scheme, host, port and, for HTTP, the whole path.
    pub uri: Uri,
    /// Headers of each request.
    pub headers: HeaderMap,
    /// How long a request may take, its connection included.
    pub timeout: Duration,
    /// Bodies are compressed.
    pub gzip: bool,
}

/// What is said for a signal: its own words before those for everything.
struct Said<'a> {
    endpoint: Option<(&'a str, bool)>,
    protocol: Option<&'a str>,
    headers: Option<&'a str>,
    timeout: Option<&'a str>,
    compression: Option<&'a str>,
    certificate: Option<&'a Path>,
    client_certificate: Option<&'a Path>,
    client_key: Option<&'a Path>,
}

/// How often metrics are sent where nothing is said, in milliseconds.
const INTERVAL: u64 = 60_000;

/// Where metrics go; nowhere unless that is said, because they are there to be scraped. A back-end is held against
/// `public` authorities unless others are named.
///
/// # Errors
/// A sentence that names the variable.
pub fn metrics(flags: &OtlpFlags, public: Authorities) -> Result<Option<Target>, String> {
    if is_disabled(flags)? {
        return Ok(None);
    }
    if exporter("OTEL_METRICS_EXPORTER", flags.metrics_exporter.as_ref()) != Some(true) {
        return Ok(None);
    }
    let own = &flags.metrics;
    let endpoint = hidden(own.metrics_endpoint.as_ref()).map(|e| (e, false));
    let said = Said {
        endpoint: endpoint.or(hidden(flags.endpoint.as_ref()).map(|e| (e, true))),
        protocol: word(own.metrics_protocol.as_ref()).or(word(flags.protocol.as_ref())),
        headers: hidden(own.metrics_headers.as_ref()).or(hidden(flags.headers.as_ref())),
        timeout: word(own.metrics_timeout.as_ref()).or(word(flags.timeout.as_ref())),
        compression: word(own.metrics_compression.as_ref()).or(word(flags.compression.as_ref())),
        certificate: file(own.metrics_certificate.as_ref()).or(file(flags.certificate.as_ref())),
        client_certificate: file(own.metrics_client_certificate.as_ref()).or(file(flags.client_certificate.as_ref())),
        client_key: file(own.metrics_client_key.as_ref()).or(file(flags.client_key.as_ref())),
    };
    let (endpoint, is_base) = said.endpoint.unwrap_or((usual(said.protocol), true));
    target(&said, endpoint, is_base.then_some("v1/metrics"), public).map(Some)
}

/// How often metrics are sent.
///
/// # Errors
/// A sentence that names the variable.
pub fn interval(flags: &OtlpFlags) -> Result<Duration, String> {
    let said = word(flags.metric_export_interval.as_ref()).map_or(Ok(INTERVAL), str::parse);
    let millis = said.ok().filter(|millis| (100..=3_600_000).contains(millis));
    millis.map(Duration::from_millis).ok_or_else(|| "OTEL_METRIC_EXPORT_INTERVAL is not 100 to 3600000".to_owned())
}

/// Where traces go; none if they go nowhere. A back-end is held against `public` authorities unless others are named.
///
/// # Errors
/// A sentence that names the variable.
pub fn traces(flags: &OtlpFlags, public: Authorities) -> Result<Option<Target>, String> {
    if is_disabled(flags)? {
        return Ok(None);
    }
    let wanted = exporter("OTEL_TRACES_EXPORTER", flags.traces_exporter.as_ref());
    if wanted == Some(false) {
        return Ok(None);
    }
    let own = &flags.traces;
    let general = hidden(flags.endpoint.as_ref()).map(|e| (e, true));
    let said = Said {
        endpoint: hidden(own.traces_endpoint.as_ref()).map(|e| (e, false)).or(general),
        protocol: word(own.traces_protocol.as_ref()).or(word(flags.protocol.as_ref())),
        headers: hidden(own.traces_headers.as_ref()).or(hidden(flags.headers.as_ref())),
        timeout: word(own.traces_timeout.as_ref()).or(word(flags.timeout.as_ref())),
        compression: word(own.traces_compression.as_ref()).or(word(flags.compression.as_ref())),
        certificate: file(own.traces_certificate.as_ref()).or(file(flags.certificate.as_ref())),
        client_certificate: file(own.traces_client_certificate.as_ref()).or(file(flags.client_certificate.as_ref())),
        client_key: file(own.traces_client_key.as_ref()).or(file(flags.client_key.as_ref())),
    };
    // Without a word about traces at all they go nowhere, other than the specification has it.
    let endpoint = said.endpoint.or_else(|| (wanted == Some(true)).then(|| (usual(said.protocol), true)));
    let Some((endpoint, is_base)) = endpoint else {
        return Ok(None);
    };
    target(&said, endpoint, is_base.then_some("v1/traces"), public).map(Some)
}

/// What all telemetry is of: `own`, and what is said of it.
///
/// # Errors
/// A sentence that names the variable.
pub fn resource(flags: &OtlpFlags, own: Resource) -> Result<Resource, String> {
    let mut resource = own;
    for pair in pairs(word(flags.resource_attributes.as_ref()).unwrap_or_default()).take(MAX_ATTRIBUTES) {
        let (name, value) = pair.ok_or("OTEL_RESOURCE_ATTRIBUTES is not of the form name=value,name=value")?;
        resource.set(&name, &value);
    }
    if let Some(service) = word(flags.service_name.as_ref()) {
        resource.set(name::SERVICE_NAME, service);
    }
    Ok(resource)
}

/// Whether a list of exporters has `otlp` in it; none if it says nothing. The environment is often the same for all
/// containers of a pod, so that what only others know is no error, as the specification has it.
fn exporter(variable: &str, said: Option<&String>) -> Option<bool> {
    let names: Vec<&str> = word(said)?.split(',').map(str::trim).collect();
    if names.iter().any(|name| !["otlp", "none", "prometheus"].contains(name)) {
        tracing::warn!("{variable} names an exporter that is not known here: otlp, prometheus and none are");
    }
    Some(names.contains(&"otlp"))
}

/// Where a collector listens by the specification.
fn usual(protocol: Option<&str>) -> &'static str {
    if protocol == Some("grpc") { "http://localhost:4317" } else { "http://localhost:4318" }
}

fn is_disabled(flags: &OtlpFlags) -> Result<bool, String> {
    match word(flags.disabled.as_ref()) {
        None => Ok(false),
        Some(said) if said.eq_ignore_ascii_case("true") => Ok(true),
        Some(said) if said.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err("OTEL_SDK_DISABLED is neither true nor false".to_owned()),
    }
}

fn target(said: &Said<'_>, endpoint: &str, path: Option<&str>, public: Authorities) -> Result<Target, String> {
    let invalid = || "the OTLP endpoint is not of the form http://HOST:PORT or https://HOST:PORT".to_owned();
    let uri: Uri = endpoint.parse().map_err(|_| invalid())?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(invalid()),
    };
    let authority =
        uri.authority().filter(|a| !a.host().is_empty() && !a.as_str().contains('@')).ok_or_else(invalid)?;
    let protocol = match said.protocol {
        Some("grpc") => Protocol::Grpc,
        Some("http/protobuf") => Protocol::Http,
        None if authority.port_u16() == Some(GRPC_PORT) => Protocol::Grpc,
        None => Protocol::Http,
        Some(_) => return Err("the OTLP protocol is neither grpc nor http/protobuf".to_owned()),
    };
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let gzip = match said.compression {
        None | Some("none") => false,
        Some("gzip") => true,
        Some(_) => return Err("the OTLP compression is neither gzip nor none".to_owned()),
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let tls = if tls { Some(Arc::new(client_config(said, protocol, public)?)) } else { None };
    Ok(Target {
        protocol,
        tls,
        host,
        port,
        uri: with_path(&uri, protocol, path).ok_or_else(invalid)?,
        headers: headers(said.headers.unwrap_or_default())?,
        timeout: timeout(said.timeout)?,
        gzip,
    })
}

/// The address with the path of its signal: added to a base, left as it is where it is the signal's own.
fn with_path(uri: &Uri, protocol: Protocol, path: Option<&str>) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let base = uri.path().trim_end_matches('/');
    parts.path_and_query = Some(match (protocol, path) {
        (Protocol::Grpc, _) => PathAndQuery::from_static("/"),
        (Protocol::Http, Some(path)) => format!("{base}/{path}").parse().ok()?,
        (Protocol::Http, None) => uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")),
    });
    Uri::from_parts(parts).ok()
}

fn timeout(said: Option<&str>) -> Result<Duration, String> {
    let Some(said) = said else { return Ok(TIMEOUT) };
    let millis = said.parse().ok().filter(|n| (1..=600_000).contains(n));
    millis.map(Duration::from_millis).ok_or_else(|| "the OTLP timeout is no number of milliseconds above 0".to_owned())
}

fn headers(said: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for pair in pairs(said) {
        let header = pair.and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        let (name, value) = header.ok_or("the OTLP headers are not of the form name=value,name=value")?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Pairs of the form of W3C Baggage: percent-encoded values, blanks around both. None for what is no pair.
fn pairs(said: &str) -> impl Iterator<Item = Option<(String, String)>> + '_ {
    said.split(',').filter(|part| !part.trim().is_empty()).map(|part| {
        let (name, value) = part.split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then_some(())?;
        Some((name.to_owned(), decoded(value.trim())?))
    })
}

/// A text without its percent-encoding; none if that is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn client_config(said: &Said<'_>, protocol: Protocol, public: Authorities) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| "TLS cannot be set up".to_owned())?
        .with_root_certificates(roots(said.certificate, public)?);
    let mut config = match (said.client_certificate, said.client_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
            let chain = chain.map_err(|_| unusable(certificate))?;
            let own = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| unusable(key))?;
            builder.with_client_auth_cert(chain, own).map_err(|_| unusable(certificate))?
        }
        _ => return Err("of the OTLP client certificate and its key only one is given".to_owned()),
    };
    config.alpn_protocols = vec![match protocol {
        Protocol::Grpc => b"h2".to_vec(),
        Protocol::Http => b"http/1.1".to_vec(),
    }];
    Ok(config)
}

fn roots(certificate: Option<&Path>, public: Authorities) -> Result<RootCertStore, String> {
    let Some(path) = certificate else { return Ok(public()) };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&read(path)?).flatten() {
        roots.add(certificate).map_err(|_| unusable(path))?;
    }
    if roots.is_empty() { Err(unusable(path)) } else { Ok(roots) }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {} for OTLP: {error}", path.display()))
}

fn unusable(path: &Path) -> String {
    format!("{} holds nothing in PEM that OTLP can use", path.display())
}

/// What a variable says; nothing if it is empty.
fn word(said: Option<&String>) -> Option<&str> {
    said.map(|said| said.trim()).filter(|said| !said.is_empty())
}

fn hidden(said: Option<&Hidden>) -> Option<&str> {
    said.map(|said| said.reveal().trim()).filter(|said| !said.is_empty())
}

fn file(said: Option<&PathBuf>) -> Option<&Path> {
    said.map(PathBuf::as_path).filter(|path| !path.as_os_str().is_empty())
}
