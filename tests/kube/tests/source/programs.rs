//! The programs as processes of their own, with nothing of this process's environment.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sidegate_kube::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::SOON;

/// A running program, ended when it is dropped.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it; what it says goes to `NAME.log` in `directory`.
    pub fn start(name: &str, directory: &Path, flags: &[(&str, String)]) -> Self {
        let test = std::env::current_exe().unwrap();
        let path = test.parent().and_then(|deps| deps.parent()).unwrap().join(name);
        assert!(path.is_file(), "{} is not there: cargo build -p {name}", path.display());
        let log = directory.join(format!("{name}.log"));
        let file = || Stdio::from(File::options().create(true).append(true).open(&log).unwrap());
        let flags = flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]);
        let child = Command::new(path)
            .args(flags)
            .env_clear()
            .env("RUST_LOG", "info,kube_client=debug")
            .stdin(Stdio::null())
            .stdout(file())
            .stderr(file())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Ends it at once, as a crash would.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// All that it has said.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// An address that nobody listens at now, and that no outgoing connection is given.
pub fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

/// One request over a connection of its own: status and body; none when nobody answers.
pub async fn ask(at: SocketAddr, head: &str, body: &str) -> Option<(u16, String)> {
    let asked = timeout(SOON, async {
        let mut stream = TcpStream::connect(at).await.ok()?;
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer))
    });
    asked.await.ok().flatten()
}
