//! One POST at a time over one connection, which is kept and opened anew when it is gone.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use tokio::task::JoinSet;

use super::super::connect::Dialer;
use super::{Failure, LONGEST_ASKED, MAX_ANSWER};
use sidegate_telemetry::otlp::settings::Target;

/// The way to a back-end.
pub(super) struct Http {
    dialer: Dialer,
    uri: Uri,
    headers: HeaderMap,
    gzip: bool,
    open: Option<SendRequest<Full<Bytes>>>,
    /// What drives the connection; ends with it.
    driver: JoinSet<()>,
}

impl Http {
    pub(super) fn to(target: &Target) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("sidegate/", env!("CARGO_PKG_VERSION"))));
        if target.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.extend(target.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if let Some(host) = target.uri.authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok()) {
            headers.insert(HOST, host);
        }
        let (dialer, gzip) = (Dialer::to(target), target.gzip);
        let uri = target.uri.path_and_query().map(|path| Uri::from(path.clone())).unwrap_or_default();
        Self { dialer, uri, headers, gzip, open: None, driver: JoinSet::new() }
    }

    pub(super) async fn send(&mut self, body: Bytes) -> Result<Bytes, Failure> {
        let body = if self.gzip { compressed(&body) } else { body };
        let mut sender = self.connection().await.map_err(|_| Failure::passing("no connection"))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = sender.send_request(request).await.map_err(|_| Failure::passing("the connection broke"))?;
        let (status, after) = (response.status(), retry_after(response.headers()));
        let answer = read(response).await;
        if answer.is_some() {
            self.open = Some(sender);
        }
        match (status.is_success(), answer) {
            (true, Some(answer)) => Ok(answer),
            // It was taken, whatever else it says.
            (true, None) => Ok(Bytes::new()),
            (false, _) => Err(Failure { what: format!("status {}", status.as_u16()), passing: passes(status), after }),
        }
    }

    /// The connection is in the middle of something: the next request gets another.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    async fn connection(&mut self) -> std::io::Result<SendRequest<Full<Bytes>>> {
        if let Some(mut open) = self.open.take()
            && open.ready().await.is_ok()
        {
            return Ok(open);
        }
        self.driver.abort_all();
        let (sender, connection) = handshake(self.dialer.open().await?).await.map_err(std::io::Error::other)?;
        while self.driver.try_join_next().is_some() {}
        self.driver.spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

/// The statuses that OTLP says to try again after.
fn passes(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_ASKED))
}

/// An answer that is not longer than it may be.
async fn read(response: Response<Incoming>) -> Option<Bytes> {
    #[expect(clippy::disallowed_methods, reason = "it is limited")]
    let collected = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    collected.ok().map(http_body_util::Collected::to_bytes)
}

fn compressed(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}
