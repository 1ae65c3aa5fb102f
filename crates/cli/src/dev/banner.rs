//! What `sidegate dev` says once it is ready: what to paste to make a call.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Tries to find the sidecar ready, and the pause that each may take.
const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);
/// Where people ask the control plane when they name no other place.
const USUAL_LIVE: &str = "127.0.0.1:4783";

/// Waits until the sidecar says that it is ready, then tells how to call it. What it says instead is told
/// when it is not.
pub fn when_ready(health: SocketAddr, listen: SocketAddr, live: SocketAddr, directory: &str) {
    let mut said = String::new();
    for _ in 0..TRIES {
        match readiness(health) {
            Some((true, _)) => return tell(listen, live, directory),
            Some((false, words)) => said = words,
            None => {}
        }
        std::thread::park_timeout(PAUSE);
    }
    let _ = writeln!(std::io::stderr(), "sidegate: the sidecar is {}", said.trim());
}

fn readiness(health: SocketAddr) -> Option<(bool, String)> {
    let mut stream = TcpStream::connect_timeout(&health, PAUSE).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let words = answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
    Some((answer.starts_with("HTTP/1.1 200"), words))
}

/// The flag that people need to ask this control plane, if it is not where they ask unasked.
fn control_flag(live: SocketAddr) -> String {
    if live.to_string() == USUAL_LIVE { String::new() } else { format!(" --control http://{live}") }
}

fn tell(listen: SocketAddr, live: SocketAddr, directory: &str) {
    let flag = control_flag(live);
    let text = format!(
        r#"
Sidegate is ready: policy from {directory}, re-read when it changes. Ctrl-C ends everything.

  export OPENAI_BASE_URL=http://{listen}/v1 OPENAI_API_KEY=unused
  export ANTHROPIC_BASE_URL=http://{listen} ANTHROPIC_API_KEY=unused
  export GOOGLE_GEMINI_BASE_URL=http://{listen} GEMINI_API_KEY=unused

  curl http://{listen}/v1/chat/completions -H 'content-type: application/json' \
    -d '{{"model": "fast", "messages": [{{"role": "user", "content": "Hello"}}]}}'

In another terminal: sidegate tap{flag}, or top, or trace with a request id.

"#
    );
    let _ = std::io::stdout().write_all(text.as_bytes());
}
