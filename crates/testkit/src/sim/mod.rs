//! A simulator of LLM providers: OpenAI, Anthropic and Gemini on one port.
//!
//! It speaks what the official SDKs expect, breaks on demand ([`fault`]), and
//! keeps its own bill ([`bill`]): the oracle that tests of money compare
//! against. Answers are a deterministic function of the request and of the
//! configuration; time is tokio's only, so a test can pause it.
//!
//! It does not judge the caller's policy, and it does not model a language:
//! the text that it answers echoes a bounded digest of the prompt.

mod admin;
mod answer;
mod anthropic;
mod ask;
pub mod bill;
mod caller;
pub mod config;
mod connection;
mod dialect;
mod exchange;
pub mod fault;
mod gemini;
mod gzip;
mod openai;
mod raw;
mod ready;
mod refusal;
mod reply;
mod retouch;
mod sample;
mod script;
pub(crate) mod sniff;
mod tls;
mod upload;
mod vector;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use bill::{Bill, Entry, Outcome, Totals};
pub use config::{Answers, Key, SimConfig};
pub use dialect::{Dialect, Operation};

pub use fault::{Fault, Match, Rule};
pub use tls::{TlsError, TlsIdentity};

use fault::Rules;
use ready::Ready;

/// One simulated world of providers; clones share it.
#[derive(Clone)]
pub struct Simulator {
    state: Arc<State>,
}

struct State {
    config: SimConfig,
    answers: Mutex<Answers>,
    bill: Arc<Bill>,
    /// Answers ready to be sent again, kept only while no bill is.
    ready: Ready,
    rules: Rules,
    /// Bounds the connections that [`Simulator::serve`] holds open.
    slots: Arc<Semaphore>,
}

impl Simulator {
    /// A simulator with an empty bill and no faults.
    #[must_use]
    pub fn new(config: SimConfig) -> Self {
        Self {
            state: Arc::new(State {
                answers: Mutex::new(config.answers.clone()),
                bill: Arc::new(Bill::new(config.bill_entries)),
                ready: Ready::default(),
                rules: Rules::default(),
                slots: Arc::new(Semaphore::new(config.max_connections)),
                config,
            }),
        }
    }

    /// What this simulator has seen and charged for.
    #[must_use]
    pub fn bill(&self) -> &Bill {
        &self.state.bill
    }

    /// Puts rules in force, behind those that are. False: there is no room.
    pub fn add_faults(&self, rules: Vec<Rule>) -> bool {
        self.state.rules.add(rules)
    }

    /// Ends all rules.
    pub fn clear_faults(&self) {
        self.state.rules.clear();
    }

    /// Sets how answers look from now on.
    pub fn set_answers(&self, answers: Answers) {
        *self.answers_lock() = answers;
    }

    fn answers(&self) -> Answers {
        self.answers_lock().clone()
    }

    fn answers_lock(&self) -> MutexGuard<'_, Answers> {
        self.state.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection until it ends. HTTP/1.1, or HTTP/2 when the client
    /// opens with its preface. Dropping the future drops the connection.
    pub fn serve_connection<I>(&self, io: I) -> impl Future<Output = ()> + Send + 'static
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let sim = self.clone();
        async move {
            connection::serve(sim, io).await;
        }
    }

    /// Accepts and serves until the future is dropped, which also ends every
    /// connection that it accepted.
    pub async fn serve(&self, listener: TcpListener) {
        self.accept(listener, None).await;
    }

    /// The same over TLS, with HTTP/1.1 or HTTP/2 as the client prefers.
    pub async fn serve_tls(&self, listener: TcpListener, identity: &TlsIdentity) {
        self.accept(listener, Some(identity.acceptor())).await;
    }

    async fn accept(&self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(slot) = self.state.slots.clone().acquire_owned().await else {
                return;
            };
            let Ok((socket, _)) = listener.accept().await else {
                tokio::time::sleep(config::ACCEPT_RETRY).await;
                continue;
            };
            // Without it the last event of a stream waits for an acknowledgement.
            drop(socket.set_nodelay(true));
            let (sim, tls) = (self.clone(), tls.clone());
            connections.spawn(async move {
                connection::serve_tcp(sim, socket, tls).await;
                drop(slot);
            });
        }
    }
}
