//! Step 5, prepare: the request to one target. The body is the caller's, byte for byte, with spliced edits;
//! the head is written afresh from what may pass, and the key is the target's.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use hyper::body::{Body, Frame, SizeHint};
use sidegate_dialects::headers::{credential_header, request_header_passes};
use sidegate_dialects::recognize::UsageOption;
use sidegate_dialects::splice::{self, Edits, Pieces};
use sidegate_policy::{Class, Fault, Provider};

use crate::armed::{Armed, ArmedProvider};
use crate::recognize::Asked;
use crate::sidecar::Sidecar;
use crate::trace;

/// One place to send a call to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Index into the snapshot's providers.
    pub provider: usize,
    /// Index into the provider's credentials; none for a provider without any.
    pub credential: Option<usize>,
    /// The model to ask for.
    pub model: Arc<str>,
}

/// A request body in pieces: slices of the caller's, with edits between.
pub struct Outgoing {
    /// Boxed, because hyper keeps room for many requests beside each connection.
    pieces: Box<Pieces>,
    left: u64,
}

impl Outgoing {
    /// A body that is sent as it is.
    #[must_use]
    pub fn new(pieces: Pieces) -> Self {
        let left = pieces.len() as u64;
        Self { pieces: Box::new(pieces), left }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.pieces.next();
        self.left -= piece.as_ref().map_or(0, |p| p.len() as u64);
        Poll::Ready(piece.map(|p| Ok(Frame::data(p))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The stream's usage is asked for on our behalf, and its chunk is dropped again.
#[must_use]
pub fn asks_usage(asked: &Asked) -> bool {
    !matches!(asked.spans.usage_option, UsageOption::NotApplicable | UsageOption::Asked)
        && asked.call.streaming.is_streamed()
}

/// The request to `target`.
///
/// # Errors
/// A [`Fault`] when the provider's address makes no URI.
pub fn prepare(
    sidecar: &Sidecar,
    armed: &Armed,
    asked: &Asked,
    target: &Target,
) -> Result<Box<Request<Outgoing>>, Fault> {
    let (provider, ready) = (&armed.snapshot.providers[target.provider], &armed.providers[target.provider]);
    // Where the path named the model, the body may say something else.
    let renamed = target.model != asked.call.model || asked.endpoint.model.is_some();
    let edits = Edits { model: renamed.then_some(&*target.model), include_usage: asks_usage(asked) };
    let uri = uri(ready, provider, asked, &target.model)?;
    let body = Outgoing::new(splice::body(&asked.spans, &asked.body, &edits));
    // Boxed, because it is handed through several futures.
    let mut request = Box::new(Request::new(body));
    *request.method_mut() = asked.head.method.clone();
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    copy_headers(sidecar, &asked.head.headers, (provider, ready), headers);
    headers.insert(HOST, ready.pool.host_header());
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let key = target.credential.and_then(|c| ready.keys.get(c)).and_then(Option::clone);
    if let Some(key) = key {
        headers.insert(credential_header(provider.dialect).0, key);
    }
    Ok(request)
}

/// Where the call goes: worked out before, unless a model or a query is in it.
fn uri(ready: &ArmedProvider, provider: &Provider, asked: &Asked, model: &str) -> Result<Uri, Fault> {
    let query = asked.head.uri.query();
    if let Some(uri) = ready.uri(asked.endpoint.operation).filter(|_| query.is_none()) {
        return Ok(uri.clone());
    }
    let path = splice::path_and_query(&asked.endpoint, &asked.call, model, &provider.endpoint.path, query);
    Uri::try_from(path).map_err(|_| Fault::gateway(Class::GatewayInternal, None, "The provider's path is no URI."))
}

/// What may pass of the caller's headers; what does not is counted by name.
fn copy_headers(
    sidecar: &Sidecar,
    from: &HeaderMap,
    (provider, ready): (&Provider, &ArmedProvider),
    to: &mut HeaderMap,
) {
    let nominated = Nominated::by(from);
    // Beside its caller's it has its place in a trace. More room would be kept by the connection.
    to.reserve(from.len() + usize::from(ready.told_traces && sidecar.spans.is_some()));
    for (name, value) in from {
        if request_header_passes(provider.dialect, name) && !nominated.has(name) {
            to.append(name.clone(), value.clone());
        } else if !(is_ours(name) || ready.told_traces && trace::is_context(name)) {
            sidecar.metrics.stripped(name.as_str());
        }
    }
}

/// Headers of the connection, which every hop writes itself: nothing is lost with them.
fn is_ours(name: &HeaderName) -> bool {
    [HOST, CONTENT_LENGTH, ACCEPT_ENCODING, CONNECTION, TRANSFER_ENCODING].contains(name)
}

/// Headers that the caller declared to be about its own connection.
struct Nominated<'a>(Option<&'a HeaderMap>);

impl<'a> Nominated<'a> {
    fn by(headers: &'a HeaderMap) -> Self {
        Self(headers.contains_key(CONNECTION).then_some(headers))
    }

    fn has(&self, name: &HeaderName) -> bool {
        let listed = |v: &HeaderValue| {
            v.as_bytes()
                .split(|b| *b == b',')
                .any(|part| part.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
        };
        self.0.is_some_and(|headers| headers.get_all(CONNECTION).iter().any(listed))
    }
}
