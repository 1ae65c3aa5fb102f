//! A program that runs for a test, writes what it says into a file, and is gone with the value that owns it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Bytes of a log that are worth showing.
const TAIL: usize = 4000;

/// A running program.
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `name` of the directory `assets` in `directory`, with nothing of this process's environment.
    pub fn start(assets: &Path, directory: &Path, name: &'static str, flags: &[String]) -> Self {
        let log = directory.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("a log in a temporary directory");
        let child = Command::new(assets.join(name))
            .args(flags)
            .current_dir(directory)
            .env_clear()
            .env("HOME", directory)
            // The pipe below closes however this process ends, and the program with it.
            .env("SIDEGATE_KUBE_ENDS_WITH_STDIN", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", assets.join(name).display()));
        Self { name, child, log }
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The end of what it has written, for the report of a failure.
    pub fn said(&self) -> String {
        let written = std::fs::read(&self.log).unwrap_or_default();
        let tail = &written[written.len().saturating_sub(TAIL)..];
        format!("{} said:\n{}", self.name, String::from_utf8_lossy(tail))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
