//! Reading a request, in either form, and answering it as the mood is.

use std::convert::Infallible;
use std::future::pending;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::read::GzDecoder;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Mood, Shared, Taken, lock};

/// Bytes of a request, as it comes and unpacked.
const MOST: usize = 64 << 20;

/// The body of an answer: some bytes, or bytes without end, and gRPC's last words.
pub(super) struct Reply {
    bytes: Option<Bytes>,
    endless: bool,
    trailers: Option<HeaderMap>,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.endless {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16 * 1024])))));
        }
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

pub(super) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Reply>, Infallible> {
    let mood = lock(&shared.mood).clone();
    *lock(&shared.asked) += 1;
    let (head, body) = request.into_parts();
    let grpc = head.headers.get("content-type").is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"));
    #[expect(clippy::disallowed_methods, reason = "it is limited")]
    let body = Limited::new(body, MOST).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let read = if grpc { unframed(&body) } else { unpacked(&head.headers, &body) };
    if head.uri.path().to_ascii_lowercase().contains("metrics") {
        return match (mood, read) {
            (Mood::Status(status) | Mood::Later(status, _), _) => Ok(refusal(grpc, status, None)),
            (_, Some((message, _))) => Ok(counted(&shared, grpc, &message)),
            (_, None) => Ok(refusal(grpc, 400, None)),
        };
    }
    let read = read.and_then(|(message, gzip)| Some((ExportTraceServiceRequest::decode(&*message).ok()?, gzip)));
    let Some((request, gzip)) = read else {
        return Ok(refusal(grpc, 400, None));
    };
    let rejected = match mood {
        Mood::Good => 0,
        Mood::Rejects(spans) => spans,
        Mood::Status(status) => return Ok(refusal(grpc, status, None)),
        Mood::Later(status, seconds) => return Ok(later(refusal(grpc, status, None), seconds)),
        Mood::Garbled => return Ok(garbled(refusal(grpc, 503, None))),
        Mood::Echo(status) => return Ok(refusal(grpc, status, Some(&head.headers))),
        Mood::Stall => pending().await,
        Mood::Endless => return Ok(reply(grpc, Reply { bytes: None, endless: true, trailers: None })),
    };
    let path = head.uri.path().to_owned();
    lock(&shared.taken).push(Taken { grpc, path, headers: head.headers, gzip, request });
    let partial =
        ExportTracePartialSuccess { rejected_spans: rejected, error_message: "CANARY of the back-end".into() };
    let told = ExportTraceServiceResponse { partial_success: (rejected > 0).then_some(partial) };
    let bytes = if grpc { framed(&told.encode_to_vec()) } else { told.encode_to_vec().into() };
    let trailers = grpc.then(|| last_words("0", None));
    Ok(reply(grpc, Reply { bytes: Some(bytes), endless: false, trailers }))
}

/// The answer to metrics: kept, or no metrics.
fn counted(shared: &Shared, grpc: bool, message: &[u8]) -> Response<Reply> {
    let Ok(request) = ExportMetricsServiceRequest::decode(message) else {
        return refusal(grpc, 400, None);
    };
    lock(&shared.metrics).push(request);
    let bytes = if grpc { framed(&[]) } else { Bytes::new() };
    reply(grpc, Reply { bytes: Some(bytes), endless: false, trailers: grpc.then(|| last_words("0", None)) })
}

fn reply(grpc: bool, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    let kind = if grpc { "application/grpc" } else { "application/x-protobuf" };
    response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    response
}

/// An answer that takes nothing; with the request's own headers in it, if they are given.
fn refusal(grpc: bool, status: u16, echo: Option<&HeaderMap>) -> Response<Reply> {
    let words = echo.map(|headers| format!("{headers:?}"));
    if grpc {
        let code = match status {
            400 => "3",
            401 => "16",
            403 => "7",
            429 => "8",
            503 => "14",
            _ => "13",
        };
        let trailers = Some(last_words(code, words.as_deref()));
        return reply(true, Reply { bytes: None, endless: false, trailers });
    }
    let bytes = words.as_ref().map(|words| Bytes::from(words.clone()));
    let mut response = reply(false, Reply { bytes, endless: false, trailers: None });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(words) = words.and_then(|words| HeaderValue::from_str(&words).ok()) {
        response.headers_mut().insert("x-echo", words);
    }
    response
}

/// The same, with the time after which it may be asked again.
fn later(mut refusal: Response<Reply>, seconds: u32) -> Response<Reply> {
    refusal.headers_mut().insert(RETRY_AFTER, seconds.into());
    let Some(trailers) = &mut refusal.body_mut().trailers else { return refusal };
    let code = trailers.get("grpc-status").map_or(Code::Unknown, |code| Code::from_bytes(code.as_bytes()));
    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(seconds.into())));
    // Its trailers are ours, and short.
    let _ = Status::with_error_details(code, "", details).add_header(trailers);
    refusal
}

/// The same, with details that nobody can read.
fn garbled(mut refusal: Response<Reply>) -> Response<Reply> {
    if let Some(trailers) = &mut refusal.body_mut().trailers {
        trailers.insert("grpc-status-details-bin", HeaderValue::from_static("###"));
    }
    refusal
}

fn last_words(code: &'static str, message: Option<&str>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(code));
    if let Some(message) = message.and_then(|m| HeaderValue::from_str(m).ok()) {
        trailers.insert(HeaderName::from_static("grpc-message"), message);
    }
    trailers
}

/// The message of one frame of gRPC, and whether it was compressed.
fn unframed(body: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (head, message) = body.split_at_checked(5)?;
    let (flag, length) = head.split_first()?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    let message = message.get(..length)?;
    if *flag == 1 { Some((inflated(message)?, true)) } else { Some((message.to_vec(), false)) }
}

fn unpacked(headers: &HeaderMap, body: &[u8]) -> Option<(Vec<u8>, bool)> {
    let gzip = headers.get("content-encoding").is_some_and(|v| v == "gzip");
    if gzip { Some((inflated(body)?, true)) } else { Some((body.to_vec(), false)) }
}

fn inflated(packed: &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    GzDecoder::new(packed).take(MOST as u64).read_to_end(&mut message).ok()?;
    Some(message)
}

fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(0));
    frame.extend_from_slice(message);
    frame.freeze()
}
