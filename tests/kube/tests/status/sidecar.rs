//! A sidecar as far as the control plane sees one: it shows its pod's token and answers what it is sent.

use std::net::SocketAddr;
use std::time::Duration;

use sidegate_wire::v1;
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::control_plane_client::ControlPlaneClient;
use sidegate_wire::v1::sidecar_message::Message as Up;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::transport::Endpoint;

/// A connected sidecar, which leaves when dropped.
pub struct Sidecar {
    /// Why it refuses policies, if it does.
    pub refuses: watch::Sender<Option<String>>,
    /// Whether it says that all of its keys are turned down.
    pub turns_down: watch::Sender<bool>,
    _task: JoinSet<()>,
}

impl Sidecar {
    /// One that comes to `address`, and comes back when its stream ends.
    pub fn start(address: SocketAddr, token: String) -> Self {
        let (refuses, turns_down) = (watch::Sender::new(None), watch::Sender::new(false));
        let mut task = JoinSet::new();
        let (why, down) = (refuses.subscribe(), turns_down.subscribe());
        task.spawn(async move {
            loop {
                // It comes back as long as it lives.
                let _ = live(address, &token, &why, down.clone()).await;
                sleep(Duration::from_millis(100)).await;
            }
        });
        Self { refuses, turns_down, _task: task }
    }
}

async fn live(
    address: SocketAddr,
    token: &str,
    why: &watch::Receiver<Option<String>>,
    mut turns_down: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let (up, sent) = mpsc::channel(8);
    let hello = v1::Hello { sidecar_version: "0.0.0".to_owned(), ..v1::Hello::default() };
    up.send(message(Up::Hello(hello))).await?;
    let mut request = Request::new(ReceiverStream::new(sent));
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let mut down = ControlPlaneClient::new(channel).subscribe(request).await?.into_inner();
    let mut keys = Vec::new();
    turns_down.mark_changed();
    loop {
        let received = tokio::select! {
            received = down.message() => received?,
            Ok(()) = turns_down.changed() => {
                let all = *turns_down.borrow_and_update();
                up.send(message(rejected(&keys, all))).await?;
                continue;
            }
        };
        let Some(received) = received else { return Ok(()) };
        let (subject, version) = match received.message {
            Some(Down::Policy(policy)) => (v1::Subject::Policy, policy.version),
            Some(Down::Credentials(credentials)) => {
                keys = credentials.credentials;
                turns_down.mark_changed();
                (v1::Subject::Credentials, credentials.version)
            }
            Some(Down::Watch(_) | Down::Recall(_)) | None => continue,
        };
        let refusal = why.borrow().clone().filter(|_| subject == v1::Subject::Policy);
        let answer = match refusal {
            Some(reason) => Up::Nack(v1::Nack { subject: subject.into(), version, reason }),
            None => Up::Ack(v1::Ack { subject: subject.into(), version }),
        };
        up.send(message(answer)).await?;
    }
}

/// All of these keys are turned down, or none.
fn rejected(keys: &[v1::Credential], all: bool) -> Up {
    let one = |key: &v1::Credential| v1::RejectedCredential {
        provider_namespace: key.provider_namespace.clone(),
        provider_name: key.provider_name.clone(),
        name: key.name.clone(),
        mark: key.mark.clone(),
    };
    Up::Rejected(v1::Rejected { credentials: keys.iter().filter(|_| all).map(one).collect() })
}

fn message(message: Up) -> v1::SidecarMessage {
    v1::SidecarMessage { message: Some(message) }
}
