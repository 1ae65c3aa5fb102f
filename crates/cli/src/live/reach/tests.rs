//! Where a token goes, and where it does not.

use std::sync::{Arc, Mutex};

use clap::Parser;
use sidegate_wire::v1::live_server::{Live, LiveServer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::Response;
use tonic::codegen::BoxStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::*;

/// Somebody who wants to know who everybody is, and what they have shown.
#[derive(Clone, Default)]
struct Curious(Arc<Mutex<Vec<String>>>);

#[tonic::async_trait]
impl Live for Curious {
    type TapStream = BoxStream<v1::TapEvent>;
    type TopStream = BoxStream<v1::TopTable>;

    async fn tap(&self, _: Request<v1::TapRequest>) -> Result<Response<Self::TapStream>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn top(&self, _: Request<v1::TopRequest>) -> Result<Response<Self::TopStream>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn trace(&self, request: Request<v1::TraceRequest>) -> Result<Response<v1::Traced>, Status> {
        let shown = request.metadata().get("authorization").ok_or_else(|| Status::unauthenticated("who is this?"))?;
        self.0.lock().unwrap().push(shown.to_str().unwrap().to_owned());
        Ok(Response::new(v1::Traced::default()))
    }
}

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    reach: Reach,
}

#[tokio::test]
async fn a_token_goes_only_where_somebody_said_that_it_may() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "canary\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (curious, mut tasks) = (Curious::default(), JoinSet::new());
    let service = LiveServer::new(curious.clone());
    tasks.spawn(async move { Server::builder().serve_with_incoming(service, TcpIncoming::from(listener)).await });
    let reach = |more: &[&str]| {
        let always = ["sidegate", "-n", "shop", "--token-file", file.to_str().unwrap()];
        Command::parse_from(always.iter().chain(more)).reach
    };
    let ask = async |mut asking: Asking| {
        let request = asking.request(v1::TraceRequest::default());
        asking.client.trace(request).await.map(Response::into_inner)
    };
    let refused = reach(&[]).ask_at(&address, &ask).await.unwrap_err();
    assert_eq!(refused.code, FORBIDDEN);
    assert!(
        refused.message.contains("that you have not named") && refused.message.contains("--control"),
        "{refused:?}"
    );
    assert!(curious.0.lock().unwrap().is_empty(), "nothing was shown");
    reach(&["--control", &address]).ask(ask).await.unwrap();
    assert_eq!(*curious.0.lock().unwrap(), ["Bearer canary"]);
}

#[test]
fn several_replicas_are_named_one_by_one_or_with_commas_and_each_once() {
    let reach = |all: &[&str]| Command::parse_from(["sidegate"].iter().chain(all)).reach;
    let (one, two) = ("http://127.0.0.1:1", "http://127.0.0.1:2");
    assert_eq!(reach(&[]).addresses(), [USUAL]);
    let repeated = reach(&["--control", one, "--control", two]);
    assert_eq!((repeated.addresses(), repeated.is_of_several()), (vec![one, two], true));
    let joined = reach(&["--control", &format!("{one},{two}")]);
    assert_eq!((joined.addresses(), joined.named_once().is_ok()), (vec![one, two], true));
    for again in [one, "http://localhost:1", "http://[::ffff:127.0.0.1]:1"] {
        let refused = reach(&["--control", one, "--control", again]).named_once().unwrap_err();
        assert_eq!((refused.code, refused.message), (USAGE, format!("{again} is named twice")));
    }
}
