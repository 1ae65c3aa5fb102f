//! Either end of the control stream, played by a test word for word: a control plane that says what no real one
//! would, and a sidecar that only listens.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sidegate_controller::{Link, Peer};
use sidegate_proxy::control::apply::digest;
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::control_plane_client::ControlPlaneClient;
use sidegate_wire::v1::control_plane_server::{ControlPlane, ControlPlaneServer};
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::v1::{self, ControlMessage, SidecarMessage};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::cable::Cable;

/// How long the other end is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A control plane that says what the test tells it to.
pub struct Feigned {
    talks: mpsc::UnboundedReceiver<Talk>,
    asked: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// One stream, seen from the control plane.
pub struct Talk {
    incoming: Streaming<SidecarMessage>,
    outgoing: mpsc::UnboundedSender<Result<ControlMessage, Status>>,
}

impl Feigned {
    /// Serves `cable`.
    #[must_use]
    pub fn serve(cable: &Cable) -> Self {
        Self::serving(cable, false)
    }

    /// Serves `cable`, and never answers what it is asked.
    #[must_use]
    pub fn mute(cable: &Cable) -> Self {
        Self::serving(cable, true)
    }

    fn serving(cable: &Cable, mute: bool) -> Self {
        let ((opened, talks), asked) = (mpsc::unbounded_channel(), Arc::new(AtomicUsize::new(0)));
        let stub = Stub { opened, asked: asked.clone(), mute };
        let incoming = cable.incoming().map(|io| Ok::<_, std::io::Error>(Link::new(io, Peer::in_process())));
        let server = Server::builder().serve_with_incoming(ControlPlaneServer::new(stub), incoming);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { server.await.unwrap_or_else(|e| panic!("{e}")) });
        Self { talks, asked, _tasks: tasks }
    }

    /// Streams that were asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The next stream that a sidecar opens.
    ///
    /// # Panics
    /// When none does.
    pub async fn talk(&mut self) -> Talk {
        let talk = timeout(PATIENCE, self.talks.recv()).await.ok().flatten();
        talk.unwrap_or_else(|| panic!("no sidecar opens a stream"))
    }
}

impl Talk {
    /// What the sidecar says next.
    ///
    /// # Panics
    /// When it says nothing.
    pub async fn hears(&mut self) -> Up {
        let message = timeout(PATIENCE, self.incoming.message()).await.unwrap_or_else(|_| panic!("nothing is said"));
        let message = message.unwrap_or_else(|e| panic!("{e}")).and_then(|m| m.message);
        message.unwrap_or_else(|| panic!("the stream ended"))
    }

    /// The Hello that every stream begins with.
    ///
    /// # Panics
    /// When it begins otherwise.
    pub async fn hello(&mut self) -> v1::Hello {
        match self.hears().await {
            Up::Hello(hello) => hello,
            _ => panic!("no Hello"),
        }
    }

    /// Sends a policy; the answer to it.
    pub async fn push(&mut self, policy: v1::Policy) -> Up {
        self.says(Ok(Down::Policy(policy)));
        self.hears().await
    }

    /// Sends keys; the answer to it.
    pub async fn give(&mut self, credentials: v1::Credentials) -> Up {
        self.says(Ok(Down::Credentials(credentials)));
        self.hears().await
    }

    /// Says something that is not answered at once.
    pub fn tells(&self, message: Down) {
        self.says(Ok(message));
    }

    /// Ends the stream without an error.
    pub fn end(self) {
        drop(self.outgoing);
    }

    /// Says what only a newer control plane would.
    pub fn says_what_is_unknown(&self) {
        let _ = self.outgoing.send(Ok(ControlMessage { message: None }));
    }

    fn says(&self, message: Result<Down, Status>) {
        let message = message.map(|message| ControlMessage { message: Some(message) });
        assert!(self.outgoing.send(message).is_ok(), "the sidecar has left");
    }
}

struct Stub {
    opened: mpsc::UnboundedSender<Talk>,
    asked: Arc<AtomicUsize>,
    mute: bool,
}

#[tonic::async_trait]
impl ControlPlane for Stub {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<ControlMessage, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SidecarMessage>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.mute {
            std::future::pending::<()>().await;
        }
        let (outgoing, messages) = mpsc::unbounded_channel();
        let talk = Talk { incoming: request.into_inner(), outgoing };
        self.opened.send(talk).map_err(|_| Status::unavailable("the test is over"))?;
        let stream = stream::unfold(messages, |mut messages| async { Some((messages.recv().await?, messages)) });
        Ok(Response::new(Box::pin(stream)))
    }
}

/// A sidecar that only listens.
pub struct Listener {
    incoming: Streaming<ControlMessage>,
    outgoing: mpsc::UnboundedSender<SidecarMessage>,
}

impl Listener {
    /// Opens a stream over `cable` and says Hello for a pod of `namespace`.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn open(cable: &Cable, namespace: &str) -> Self {
        Self::greet(cable, Self::hello(namespace)).await
    }

    /// Opens a stream over `cable`, says Hello for a pod of `namespace`, and leaves again.
    ///
    /// # Errors
    /// The code with which the control plane refuses to open it.
    pub async fn try_open(cable: &Cable, namespace: &str) -> Result<(), tonic::Code> {
        let hello = SidecarMessage { message: Some(Up::Hello(Self::hello(namespace))) };
        let outgoing = stream::iter([hello]).chain(stream::pending());
        let opened = ControlPlaneClient::new(cable.channel()).subscribe(outgoing).await;
        opened.map(drop).map_err(|status| status.code())
    }

    /// The Hello of a pod of `namespace` that has nothing yet.
    #[must_use]
    pub fn hello(namespace: &str) -> v1::Hello {
        let caller =
            v1::Caller { namespace: namespace.to_owned(), pod: "listener".to_owned(), ..v1::Caller::default() };
        v1::Hello { caller: Some(caller), ..v1::Hello::default() }
    }

    /// Opens a stream over `cable` and says this Hello.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn greet(cable: &Cable, hello: v1::Hello) -> Self {
        let (outgoing, messages) = mpsc::unbounded_channel();
        let stream = stream::unfold(messages, |mut messages: mpsc::UnboundedReceiver<SidecarMessage>| async {
            Some((messages.recv().await?, messages))
        });
        let _ = outgoing.send(SidecarMessage { message: Some(Up::Hello(hello)) });
        let mut client = ControlPlaneClient::new(cable.channel());
        let incoming = client.subscribe(stream).await.unwrap_or_else(|e| panic!("{e}")).into_inner();
        Self { incoming, outgoing }
    }

    /// What the control plane says next; none when it says nothing for a while.
    ///
    /// # Panics
    /// When the stream ends.
    pub async fn hears(&mut self) -> Option<Down> {
        let message = timeout(Duration::from_secs(5), self.incoming.message()).await.ok()?;
        let message = message.unwrap_or_else(|e| panic!("{e}")).unwrap_or_else(|| panic!("the stream ended"));
        message.message
    }

    /// Takes all that comes, until nothing comes for a while; the Hello with which it would come back.
    pub async fn takes_all(&mut self, mut hello: v1::Hello) -> v1::Hello {
        while let Some(heard) = self.hears().await {
            let (subject, version) = match heard {
                Down::Policy(policy) => {
                    hello.epoch = policy.epoch;
                    hello.policy_version.clone_from(&policy.version);
                    (v1::Subject::Policy, policy.version)
                }
                Down::Credentials(keys) => {
                    hello.credentials_version.clone_from(&keys.version);
                    (v1::Subject::Credentials, keys.version)
                }
                Down::Watch(_) | Down::Recall(_) => continue,
            };
            self.says(Up::Ack(v1::Ack { subject: subject.into(), version }));
        }
        hello
    }

    /// Waits until the control plane ends the stream; whether it did so without an error and without a word.
    pub async fn ends(&mut self) -> bool {
        matches!(self.incoming.message().await, Ok(None))
    }

    /// Says what only a newer sidecar would.
    pub fn says_what_is_unknown(&self) {
        let _ = self.outgoing.send(SidecarMessage { message: None });
    }

    /// Answers.
    pub fn says(&self, message: Up) {
        let _ = self.outgoing.send(SidecarMessage { message: Some(message) });
    }
}

/// A policy message of `snapshot` whose version is its digest.
#[must_use]
pub fn policy(snapshot: Bytes, epoch: u64) -> v1::Policy {
    v1::Policy { version: digest(&snapshot), epoch, snapshot, intentional_empty: false }
}
