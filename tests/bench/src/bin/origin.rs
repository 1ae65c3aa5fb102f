//! The origin as a program: `bench-origin --listen 127.0.0.1:P --tls-listen 127.0.0.1:Q --ca-out
//! FILE`. One thread, loopback only, until it is ended.
//!
//! Not here: anything else; the library's `origin` is what answers.

use std::path::PathBuf;
use std::process::ExitCode;

use sidegate_bench::flags::Flags;
use sidegate_bench::origin::{Identity, serve};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut flags = Flags::parse(std::env::args().skip(1))?;
    let listen = flags.loopback("listen")?;
    let tls_listen = flags.loopback("tls-listen")?;
    let ca_out: PathBuf = flags.required("ca-out")?;
    flags.end()?;
    let identity = Identity::new()?;
    identity.write_authority(&ca_out)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let plain = TcpListener::bind(listen).await?;
        let tls = TcpListener::bind(tls_listen).await?;
        serve(plain, tls, &identity).await
    })?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a command line speaks to a terminal")]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench-origin: {failure}");
            ExitCode::from(64)
        }
    }
}
