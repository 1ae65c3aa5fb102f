//! The way to the control plane, and what it is shown there.
//!
//! Anybody may listen on a port of this machine: a token goes only where somebody said that the control plane is.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use http::header::AUTHORIZATION;
use kube::client::{Body, ConfigExt};
use sidegate_proxy::control::token;
use sidegate_wire::v1;
use sidegate_wire::v1::live_client::LiveClient;
use tokio::sync::OnceCell;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tower::{BoxError, Layer, ServiceExt};

use super::failure;
use crate::failure::{FORBIDDEN, Failure, UNAVAILABLE, USAGE};
use crate::objects;

/// Time to a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Where the control plane is beside `sidegate dev`. Nobody has said that it is the control plane that listens there.
const USUAL: &str = "http://127.0.0.1:4783";
/// Bytes of an answer.
const LARGEST: usize = 4 << 20;

/// Where the control plane is, and which sidecars are asked about.
#[derive(Debug, Clone, clap::Args)]
pub struct Reach {
    /// The control plane's port for people, on this machine: in a cluster through kubectl port-forward. By default
    /// http://127.0.0.1:4783; a token is shown only where this is said, because anybody may listen there. May be repeated,
    /// or hold several with commas between: one for each replica, which knows its own sidecars alone. Two port-forwards to a
    /// deployment may end at the same replica, and count it twice; forward to its pods.
    #[arg(long, env = "SIDEGATE_LIVE", value_name = "URL", value_delimiter = ',', value_parser = loopback)]
    control: Vec<String>,
    /// Namespace of the pods; by default the context's own, and beside files all of them.
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Pods of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Context of the kubeconfig.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig; by default as kubectl finds it, and inside a pod its ServiceAccount.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The token to show instead of the kubeconfig's, from a file.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Learned once, when the first replica wants to know it.
    #[arg(skip)]
    known: OnceCell<Known>,
}

/// An address that tokens may be sent to in the clear.
fn loopback(text: &str) -> Result<String, String> {
    let wanted = "write http://HOST:PORT with a loopback address: the connection is not encrypted; \
                  in a cluster, use kubectl port-forward";
    let uri: http::Uri = text.parse().map_err(|_| wanted)?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    if uri.scheme_str() == Some("http") && is_loopback { Ok(text.to_owned()) } else { Err(wanted.to_owned()) }
}

/// What is asked of one replica, and what it is shown.
#[derive(Clone)]
pub struct Asking {
    /// The replica.
    pub client: LiveClient<Channel>,
    /// Which sidecars.
    pub scope: v1::Scope,
    token: Option<MetadataValue<Ascii>>,
}

impl Asking {
    /// A request with what it has to show.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        request
    }
}

/// Who asks, and the namespace that they work in.
#[derive(Debug, Clone)]
struct Known {
    token: MetadataValue<Ascii>,
    /// None where it was said, or all are meant.
    namespace: Option<String>,
}

impl Reach {
    /// The replicas.
    fn addresses(&self) -> Vec<&str> {
        if self.control.is_empty() { vec![USUAL] } else { self.control.iter().map(String::as_str).collect() }
    }

    /// Whether there are several replicas.
    pub fn is_of_several(&self) -> bool {
        self.control.len() > 1
    }

    /// Asks all replicas, and shows a token where one is wanted; their answers in the order of their addresses.
    ///
    /// # Errors
    /// When one gives no answer.
    pub async fn ask<R>(&self, ask: impl AsyncFn(Asking) -> Result<R, Status>) -> Result<Vec<(&str, R)>, Failure> {
        self.named_once()?;
        let answers = self.addresses().into_iter().map(|address| self.ask_one(address, &ask));
        try_join_all(answers).await
    }

    /// The same, until one has what is wanted; the answers of all if none has.
    ///
    /// # Errors
    /// When none has it, and one gives no answer.
    pub async fn find<R>(
        &self,
        ask: impl AsyncFn(Asking) -> Result<R, Status>,
        is_it: impl Fn(&R) -> bool,
    ) -> Result<Vec<R>, Failure> {
        self.named_once()?;
        let each = self.addresses().into_iter().map(|address| self.ask_one(address, &ask));
        let (mut asked, mut answers, mut failed) = (each.collect::<FuturesUnordered<_>>(), Vec::new(), None);
        while let Some(answer) = asked.next().await {
            match answer {
                Ok((_, found)) if is_it(&found) => return Ok(vec![found]),
                Ok((_, answer)) => answers.push(answer),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(answers), Err)
    }

    /// What is counted twice would be told twice.
    fn named_once(&self) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        let twice = self.control.iter().find(|address| !seen.insert(place(address)));
        twice.map_or(Ok(()), |address| Err(Failure::new(USAGE, format!("{address} is named twice"))))
    }

    async fn ask_one<'a, R>(
        &self,
        address: &'a str,
        ask: &impl AsyncFn(Asking) -> Result<R, Status>,
    ) -> Result<(&'a str, R), Failure> {
        let answer = self.ask_at(address, ask).await;
        answer.map(|answer| (address, answer)).map_err(|failure| self.whose(address, failure))
    }

    /// Says of which replica a failure is, where there are several.
    pub fn whose(&self, address: &str, failure: Failure) -> Failure {
        if self.is_of_several() {
            return Failure::new(failure.code, format!("{address}: {}", failure.message));
        }
        failure
    }

    async fn ask_at<R>(&self, address: &str, ask: &impl AsyncFn(Asking) -> Result<R, Status>) -> Result<R, Failure> {
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|e| Failure::new(USAGE, e))?;
        let channel = endpoint.connect_timeout(CONNECT).connect().await.map_err(|_| {
            let way = "in a cluster: kubectl port-forward -n sidegate-system deployment/sidegate-controller 4783, \
                       or pod/NAME PORT:4783 for each of several";
            Failure::new(UNAVAILABLE, format!("no control plane answers at {address}; {way}"))
        })?;
        let client = LiveClient::new(channel).max_decoding_message_size(LARGEST);
        let scope =
            v1::Scope { namespace: self.namespace.clone().unwrap_or_default(), all_namespaces: self.all_namespaces };
        let mut asking = Asking { client, scope, token: None };
        match ask(asking.clone()).await {
            Err(status) if status.code() == Code::Unauthenticated => {
                if self.control.is_empty() {
                    return Err(unnamed(address));
                }
                let known = self.known.get_or_try_init(|| self.learn()).await?;
                asking.token = Some(known.token.clone());
                if let Some(namespace) = &known.namespace {
                    asking.scope.namespace.clone_from(namespace);
                }
                ask(asking).await.map_err(|status| failure(&status))
            }
            answer => answer.map_err(|status| failure(&status)),
        }
    }

    /// A token, and the context's namespace where none was named.
    async fn learn(&self) -> Result<Known, Failure> {
        let named = self.namespace.is_some() || self.all_namespaces;
        let file = self.token_file.as_deref().map(token::bearer).transpose();
        let file = file.map_err(|status| Failure::new(USAGE, status.message()))?;
        let config = match file {
            Some(token) if named => return Ok(Known { token, namespace: None }),
            _ => objects::configured(self.context.as_deref(), self.kubeconfig.as_deref()).await?,
        };
        let token = match file {
            Some(token) => token,
            None => shown(&config).await?,
        };
        Ok(Known { token, namespace: (!named).then_some(config.default_namespace) })
    }
}

/// What an address leads to: `localhost` is the machine itself, whatever it is called.
fn place(address: &str) -> (String, u16) {
    let uri: http::Uri = address.parse().unwrap_or_default();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let host = if host == "localhost" { "127.0.0.1" } else { host };
    let host = host.parse::<IpAddr>().map_or_else(|_| host.to_owned(), |ip| ip.to_canonical().to_string());
    (host, uri.port_u16().unwrap_or(80))
}

/// No token goes where nobody said that it may.
fn unnamed(address: &str) -> Failure {
    let why =
        format!("what listens at {address} asks for your token, which goes to no address that you have not named");
    let how = format!("if that is your kubectl port-forward, say --control {address}, or set SIDEGATE_LIVE to it");
    Failure::new(FORBIDDEN, format!("{why}; {how}"))
}

/// What the API server would be shown: a token as it is written, from a file, or from a program that gets one.
async fn shown(config: &kube::Config) -> Result<MetadataValue<Ascii>, Failure> {
    let none = |why: &str| {
        let how = "show another one with --token-file, for example of kubectl create token";
        Failure::new(FORBIDDEN, format!("the kubeconfig {why}; {how}"))
    };
    let layer = config.auth_layer().map_err(|_| none("has credentials that cannot be read"))?;
    let layer = layer.ok_or_else(|| none("has no token"))?;
    let echo = tower::service_fn(|request: http::Request<Body>| async move {
        let mut answer = http::Response::new(());
        if let Some(header) = request.headers().get(AUTHORIZATION) {
            answer.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        Ok::<_, BoxError>(answer)
    });
    let answer = layer.layer(echo).oneshot(http::Request::new(Body::empty())).await;
    let answer = answer.map_err(|error| none(&format!("gives no token: {error}")))?;
    let header = answer.headers().get(AUTHORIZATION).filter(|header| header.as_bytes().starts_with(b"Bearer "));
    let mut token = header
        .and_then(|header| MetadataValue::try_from(header.as_bytes()).ok())
        .ok_or_else(|| none("has no token"))?;
    token.set_sensitive(true);
    Ok(token)
}
