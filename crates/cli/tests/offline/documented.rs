//! `docs/cli.md` shows what the commands in it really print.

use std::path::Path;
use std::process::Command;

use super::{masked, program};

/// What a command prints at the top of the checkout, after its own line.
fn printed(command: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some("sidegate"), "{command}");
    let output = Command::new(program()).args(words).current_dir(root).output().unwrap();
    assert!(output.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    format!("$ {command}\n{}", masked(&String::from_utf8(output.stdout).unwrap()))
}

#[test]
fn the_page_shows_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (mut written, mut commands) = (String::new(), 0);
    for (at, part) in page.split("```").enumerate() {
        let fence = if at == 0 { "" } else { "```" };
        let command = part.strip_prefix("console\n$ ").filter(|_| at % 2 == 1).and_then(|rest| rest.lines().next());
        match command {
            Some(command) => {
                commands += 1;
                written.push_str(&format!("{fence}console\n{}", printed(command)));
            }
            None => written.push_str(&format!("{fence}{part}")),
        }
    }
    #[expect(clippy::disallowed_methods, reason = "this is a switch of the test run")]
    if std::env::var_os("SIDEGATE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    assert!(commands >= 4, "{commands}");
    let page = std::fs::read_to_string(&path).unwrap();
    let differing = page.lines().zip(written.lines()).find(|(kept, now)| kept != now);
    assert!(page == written, "docs/cli.md is not what is printed: {differing:?}");
}
