//! A program that runs: what it says, how it is told to end, and that it is gone with its test.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// What a program has written so far.
type Written = Arc<Mutex<Vec<u8>>>;

/// A running program.
pub struct Program {
    name: String,
    child: Mutex<Child>,
    said: Written,
    told: Written,
    readers: Vec<JoinHandle<()>>,
}

/// Where cargo has put a program: beside the directory of the tests.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join(name);
    assert!(
        path.is_file(),
        "{} is not there: cargo build -p sidegate-cli -p sidegate-proxy -p sidegate-controller",
        path.display()
    );
    path
}

/// The program with nothing of this process's environment.
pub fn command(name: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(binary(name));
    command.args(flags).env_clear().env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

impl Program {
    /// Starts it.
    pub fn start(name: &str, flags: &[&str]) -> Self {
        Self::spawn(name, command(name, flags))
    }

    /// Starts it as the command says.
    pub fn spawn(name: &str, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, told) = (Written::default(), Written::default());
        let readers = vec![
            reader(child.stdout.take().unwrap(), said.clone()),
            reader(child.stderr.take().unwrap(), told.clone()),
        ];
        Self { name: name.to_owned(), child: Mutex::new(child), said, told, readers }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Its standard output so far.
    pub fn said(&self) -> String {
        text(&self.said)
    }

    /// Its standard error so far.
    pub fn told(&self) -> String {
        text(&self.told)
    }

    /// Sends it a signal, as `kill` names it.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("/bin/sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status().unwrap();
        assert!(sent.success(), "{} has ended: {}", self.name, self.told());
    }

    /// How it ended; none while it runs. A signal's end has no code.
    pub fn code(&self) -> Option<Option<i32>> {
        self.child().try_wait().unwrap().map(|status| status.code())
    }

    /// Ends it at once, as a crash would.
    pub fn crash(&mut self) {
        let mut child = self.child();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// All that it has written, once it has ended.
    pub fn whole(mut self) -> (String, String) {
        assert!(self.code().is_some(), "{} still runs", self.name);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        (self.said(), self.told())
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn reader(mut from: impl Read + Send + 'static, into: Written) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut room = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut room) {
            into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&room[..read]);
        }
    })
}

fn text(written: &Written) -> String {
    String::from_utf8_lossy(&written.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
