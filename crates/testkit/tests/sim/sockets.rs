//! What only real sockets show: resets, TLS and HTTP/2.

use std::io::{BufReader, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use sidegate_testkit::sim::{Outcome, SimConfig, Simulator, TlsIdentity};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

fn body() -> String {
    let messages = json!([{"role": "user", "content": "hello"}]);
    json!({"model": "gpt-4o", "stream": true, "messages": messages}).to_string()
}

async fn listening(tasks: &mut JoinSet<()>, sim: &Simulator) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let sim = sim.clone();
    tasks.spawn(async move { sim.serve(listener).await });
    TcpStream::connect(address).await.expect("a connection")
}

#[derive(Clone)]
struct Tasks(Arc<std::sync::Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.lock().expect("no panic").spawn(task);
    }
}

async fn over_h2<I>(io: I, fault: &str) -> Result<Bytes, hyper::Error>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let tasks = Tasks(Arc::default());
    let (mut sender, connection) = http2::handshake(tasks.clone(), TokioIo::new(io)).await.expect("a handshake");
    tasks.execute(async move { drop(connection.await) });
    let request = Request::post("http://sim/v1/chat/completions").header("x-sim-fault", fault);
    let request = request.body(Full::<Bytes>::from(body())).expect("a request");
    let mut body = sender.send_request(request).await?.into_body();
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        all.extend_from_slice(&frame?.into_data().unwrap_or_default());
    }
    Ok(all.into())
}

#[tokio::test]
async fn a_reset_is_an_rst_on_the_wire() {
    let (sim, mut tasks) = (Simulator::new(SimConfig::default()), JoinSet::new());
    let mut socket = listening(&mut tasks, &sim).await;
    let body = body();
    let fault = r#"{"kind": "cut", "after_event": 1, "reset": true}"#;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\nx-sim-fault: {fault}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("written");
    let mut heard = Vec::new();
    let error = socket.read_to_end(&mut heard).await.expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(sim.bill().settled(1).await[0].outcome, Outcome::Cut);
}

#[tokio::test]
async fn http2_by_prior_knowledge_streams_and_breaks() {
    let (sim, mut tasks) = (Simulator::new(SimConfig::default()), JoinSet::new());
    let socket = listening(&mut tasks, &sim).await;
    let whole = over_h2(socket, "[]").await.expect("an answer");
    assert!(whole.ends_with(b"data: [DONE]\n\n"));
    let socket = listening(&mut tasks, &sim).await;
    let fault = r#"{"kind": "cut", "after_event": 1}"#;
    assert!(over_h2(socket, fault).await.is_err());
}

#[tokio::test]
async fn tls_is_trusted_through_the_simulators_own_authority() {
    let (sim, mut tasks) = (Simulator::new(SimConfig::default()), JoinSet::new());
    let identity = TlsIdentity::new(&["provider.test".to_owned()]).expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let pem = identity.ca_pem().to_owned();
    tasks.spawn(async move { sim.serve_tls(listener, &identity).await });

    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(pem.as_bytes())) {
        roots.add(certificate.expect("a certificate")).expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let socket = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("provider.test").expect("a name");
    let secured = connector.connect(name, socket).await.expect("trust");
    assert_eq!(secured.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let whole = over_h2(secured, "[]").await.expect("an answer");
    assert!(whole.ends_with(b"data: [DONE]\n\n"));
}
