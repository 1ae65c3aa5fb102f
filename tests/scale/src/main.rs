//! Many sidecars in one process, for `tests/bench/scale.py`, which starts the control plane that they are held by.
//!
//!     bench-scale index
//!     bench-scale streams ADDRESS COUNT NAMESPACES
//!
//! The first measures the index alone. The second opens streams and reads orders, one a line; each is answered by one
//! line of JSON: `settle` waits until every stream has a policy, `edit FILE N` puts N in the place of every number
//! behind `edit-` in a file and waits until every stream has taken it, and `churn DIR FILES RATE SECONDS` does the same
//! with `churn-` in one file after the other. Only the wire is the sidecar's here: nothing is armed, nothing is served.

mod board;
mod index;
mod orders;
mod sidecar;

use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "a command line speaks to a terminal")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["index"] => {
            println!("{}", index::measure());
            ExitCode::SUCCESS
        }
        ["streams", address, count, namespaces] => match (count.parse(), namespaces.parse()) {
            (Ok(count), Ok(namespaces)) if namespaces > 0 && count > 0 => orders::run(address, count, namespaces),
            _ => usage(),
        },
        _ => usage(),
    }
}

#[expect(clippy::print_stderr, reason = "a command line speaks to a terminal")]
fn usage() -> ExitCode {
    eprintln!("bench-scale: index | streams ADDRESS COUNT NAMESPACES");
    ExitCode::from(64)
}
