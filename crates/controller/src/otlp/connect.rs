//! The two ways to a back-end, over the same connections: name, TCP, and TLS on the rustls of everything else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use rustls::{ClientConfig, RootCertStore};
use sidegate_telemetry::otlp::settings::Target;
use tonic::transport::{Channel, Endpoint};

use super::OtlpError;

/// Bytes of an answer that are read at most.
const MAX_ANSWER: usize = 64 * 1024;
/// A ping after so much silence of a connection that is used,
const PING_AFTER: Duration = Duration::from_secs(20);
/// and no answer in so much time, means that nobody is there.
const PING_TIME: Duration = Duration::from_secs(10);

fn connector(target: &Target) -> Result<HttpsConnector<HttpConnector>, OtlpError> {
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    plain.set_nodelay(true);
    plain.set_connect_timeout(Some(target.timeout));
    let tls = match &target.tls {
        Some(tls) => tls.clone(),
        // Never used: the address says http.
        None => Arc::new(nobody()?),
    };
    Ok(HttpsConnector::from((plain, tls)))
}

/// Trusts nobody.
fn nobody() -> Result<ClientConfig, OtlpError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| OtlpError::Unusable)?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// A channel that connects when it is used, and anew when it has to. Wants a runtime around it.
pub(super) fn channel(target: &Target) -> Result<Channel, OtlpError> {
    let endpoint = Endpoint::from(target.uri.clone())
        .timeout(target.timeout)
        .http2_keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_TIME);
    Ok(endpoint.connect_with_connector_lazy(connector(target)?))
}

/// Posts by HTTP/1.1, with the headers that were said and no others that the library may have read.
pub(super) struct Poster {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    headers: HeaderMap,
}

impl Poster {
    pub(super) fn to(target: &Target) -> Result<Self, OtlpError> {
        let client = Client::builder(TokioExecutor::new()).build(connector(target)?);
        Ok(Self { client, headers: target.headers.clone() })
    }
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Poster")
    }
}

#[async_trait::async_trait]
impl HttpClient for Poster {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut head, body) = request.into_parts();
        head.headers = own(&head.headers, &self.headers);
        let answer = self.client.request(Request::from_parts(head, Full::new(body))).await?;
        let (head, body) = answer.into_parts();
        #[expect(clippy::disallowed_methods, reason = "it is limited")]
        let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

/// What the library says of the body, and what was said to be sent.
fn own(library: &HeaderMap, said: &HeaderMap) -> HeaderMap {
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
    let kept = [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT].into_iter();
    let mut headers: HeaderMap = kept.filter_map(|name| Some((name.clone(), library.get(&name)?.clone()))).collect();
    for (name, value) in said {
        headers.insert(name, value.clone());
    }
    headers
}
