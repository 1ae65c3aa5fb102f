//! The way to the control plane, and what it is shown there.
//!
//! Anybody may listen on a port of this machine: a token goes only where somebody said that the control plane is.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::header::AUTHORIZATION;
use kube::client::{Body, ConfigExt};
use sidegate_proxy::control::token;
use sidegate_wire::v1;
use sidegate_wire::v1::live_client::LiveClient;
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
    /// or hold several with commas between: one for each replica, which knows its own sidecars alone.
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

/// Whom the control plane sees, and what it is asked about.
#[derive(Clone)]
pub struct Asking {
    /// The control plane.
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

impl Reach {
    /// How many replicas are asked.
    pub fn replicas(&self) -> usize {
        self.control.len().max(1)
    }

    /// Asks every replica, and shows a token where one is wanted.
    ///
    /// # Errors
    /// When one gives no answer.
    pub async fn ask<R>(&self, ask: impl AsyncFn(Asking) -> Result<R, Status>) -> Result<Vec<R>, Failure> {
        let mut answers = Vec::with_capacity(self.replicas());
        if self.control.is_empty() {
            answers.push(self.ask_at(USUAL, &ask).await?);
        }
        for address in &self.control {
            answers.push(self.ask_at(address, &ask).await?);
        }
        Ok(answers)
    }

    async fn ask_at<R>(&self, address: &str, ask: &impl AsyncFn(Asking) -> Result<R, Status>) -> Result<R, Failure> {
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|e| Failure::new(USAGE, e))?;
        let channel = endpoint.connect_timeout(CONNECT).connect().await.map_err(|_| {
            let way = "in a cluster: kubectl port-forward -n sidegate-system deployment/sidegate-controller 4783";
            Failure::new(UNAVAILABLE, format!("no control plane answers at {address}; {way}"))
        })?;
        let client = LiveClient::new(channel).max_decoding_message_size(LARGEST);
        let scope =
            v1::Scope { namespace: self.namespace.clone().unwrap_or_default(), all_namespaces: self.all_namespaces };
        let asking = Asking { client, scope, token: None };
        match ask(asking.clone()).await {
            Err(status) if status.code() == Code::Unauthenticated => {
                if self.control.is_empty() {
                    return Err(unnamed(address));
                }
                ask(self.known(asking).await?).await.map_err(|status| failure(&status))
            }
            answer => answer.map_err(|status| failure(&status)),
        }
    }

    /// The same with a token, and with the context's namespace where none was named.
    async fn known(&self, mut asking: Asking) -> Result<Asking, Failure> {
        let named = self.namespace.is_some() || self.all_namespaces;
        if let Some(file) = &self.token_file {
            asking.token = Some(token::bearer(file).map_err(|status| Failure::new(USAGE, status.message()))?);
            if named {
                return Ok(asking);
            }
        }
        let config = objects::configured(self.context.as_deref(), self.kubeconfig.as_deref()).await?;
        if !named {
            asking.scope.namespace.clone_from(&config.default_namespace);
        }
        if asking.token.is_none() {
            asking.token = Some(shown(&config).await?);
        }
        Ok(asking)
    }
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
