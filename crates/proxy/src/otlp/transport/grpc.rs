//! One unary call over a channel that reconnects by itself. Messages are handed through as they were encoded.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use futures_util::FutureExt;
use http::HeaderMap;
use http::uri::PathAndQuery;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::super::connect::Dialer;
use super::{Failure, LONGEST_ASKED, MAX_ANSWER};
use sidegate_telemetry::otlp::settings::Target;

/// A ping after so much silence of a connection that is used,
const PING_AFTER: Duration = Duration::from_secs(20);
/// and no answer in so much time, means that nobody is there.
const PING_TIME: Duration = Duration::from_secs(10);

/// A channel to a back-end.
pub(super) struct Grpc {
    client: tonic::client::Grpc<Channel>,
    headers: HeaderMap,
}

impl Grpc {
    pub(super) fn to(target: &Target) -> Self {
        let endpoint = Endpoint::from(target.uri.clone()).http2_keep_alive_interval(PING_AFTER);
        let channel = endpoint.keep_alive_timeout(PING_TIME).connect_with_connector_lazy(Dialer::to(target));
        let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(MAX_ANSWER);
        if target.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        Self { client, headers: target.headers.clone() }
    }

    pub(super) async fn send(&mut self, method: &'static str, body: Bytes) -> Result<Bytes, Failure> {
        self.client.ready().await.map_err(|_| Failure::passing("no connection"))?;
        let request =
            Request::from_parts(MetadataMap::from_headers(self.headers.clone()), tonic::Extensions::default(), body);
        let asked = self.client.unary(request, PathAndQuery::from_static(method), Encoded);
        // tonic 0.14 panics at details that are not base64, and whoever sends would be gone for good.
        let answer = AssertUnwindSafe(asked).catch_unwind().await.map_err(|_| broken())?;
        answer.map(tonic::Response::into_inner).map_err(|status| told(&status))
    }
}

/// The answer is none of gRPC's.
fn broken() -> Failure {
    Failure { what: "an answer that cannot be read".to_owned(), passing: false, after: None }
}

/// By OTLP's table of codes that may pass. A broken connection has no code of its own: it is `Unknown`, and has a source.
fn told(status: &Status) -> Failure {
    let after = status.get_details_retry_info().and_then(|info| info.retry_delay).map(|wait| wait.min(LONGEST_ASKED));
    let passing = match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        // Without a time, what was sent is more than will ever be taken.
        Code::ResourceExhausted => after.is_some(),
        Code::Unknown => std::error::Error::source(status).is_some(),
        _ => false,
    };
    Failure { what: format!("gRPC code {:?}", status.code()), passing, after }
}

/// Messages that are encoded already, and answers that somebody else decodes.
#[derive(Debug, Clone, Copy, Default)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
