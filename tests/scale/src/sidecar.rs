//! One simulated sidecar: Hello with what it has, an Ack for all that it is sent, and back again when the stream ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::control_plane_client::ControlPlaneClient;
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::v1::{Ack, Caller, ControlMessage, Hello, SidecarMessage, Subject};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::Channel;

use crate::board::Board;

/// As the sidecar has them: the longest first wait, and the longest of all.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub struct Sidecar {
    number: usize,
    board: Arc<Board>,
    channel: Channel,
    /// What it has.
    policy: String,
    epoch: u64,
    credentials: String,
}

impl Sidecar {
    pub fn new(number: usize, board: Arc<Board>, channel: Channel) -> Self {
        Self { number, board, channel, policy: String::new(), epoch: 0, credentials: String::new() }
    }

    /// Keeps a stream open, with full jitter between attempts.
    pub async fn run(mut self) {
        let mut chance = SmallRng::seed_from_u64(self.number as u64);
        let mut failures = 0_u32;
        loop {
            self.board.tried();
            let heard = self.stream().await;
            self.board.up(self.number, false);
            if matches!(&heard, Err(status) if status.code() == tonic::Code::ResourceExhausted) {
                self.board.refused();
            }
            failures = if heard.is_ok() { 0 } else { failures.saturating_add(1) };
            let longest = FIRST_WAIT.saturating_mul(1 << failures.min(6)).min(LONGEST_WAIT);
            sleep(longest.mul_f64(chance.random())).await;
        }
    }

    async fn stream(&mut self) -> Result<(), Status> {
        let (answers, waiting) = mpsc::channel(4);
        let _ = answers.send(message(Up::Hello(self.hello()))).await;
        let outgoing = stream::unfold(waiting, |mut waiting: mpsc::Receiver<SidecarMessage>| async {
            Some((waiting.recv().await?, waiting))
        });
        let mut client = ControlPlaneClient::new(self.channel.clone()).max_decoding_message_size(16 << 20);
        let mut incoming = client.subscribe(outgoing).await?.into_inner();
        self.board.up(self.number, true);
        while let Some(ControlMessage { message: heard }) = incoming.message().await? {
            let ack = match heard {
                Some(Down::Policy(policy)) => {
                    self.board.took(self.number, &policy.snapshot);
                    (self.policy, self.epoch) = (policy.version.clone(), policy.epoch);
                    Ack { subject: Subject::Policy.into(), version: policy.version }
                }
                Some(Down::Credentials(keys)) => {
                    self.credentials.clone_from(&keys.version);
                    Ack { subject: Subject::Credentials.into(), version: keys.version }
                }
                Some(Down::Watch(_) | Down::Recall(_)) | None => continue,
            };
            if answers.send(message(Up::Ack(ack))).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    fn hello(&self) -> Hello {
        let namespace = self.board.namespace_of(self.number);
        Hello {
            caller: Some(Caller {
                namespace: format!("n{namespace}"),
                service_account: "default".to_owned(),
                workload: "deployment/app".to_owned(),
                pod: format!("app-{}", self.number),
                labels: [("app".to_owned(), "app".to_owned())].into(),
            }),
            sidecar_version: "0.0.0".to_owned(),
            policy_version: self.policy.clone(),
            epoch: self.epoch,
            credentials_version: self.credentials.clone(),
            features: sidegate_wire::FEATURES.iter().map(|f| (*f).to_owned()).collect(),
        }
    }
}

fn message(message: Up) -> SidecarMessage {
    SidecarMessage { message: Some(message) }
}
