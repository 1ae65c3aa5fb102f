//! What `sidegate crds` prints is what is committed under `deploy/crds`.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use std::process::Command;

fn printed(flags: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sidegate")).arg("crds").args(flags).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_committed_definitions_are_those_that_are_printed() {
    let (success, printed, said) = printed(&[]);
    assert!(success, "{said}");
    let committed = include_str!("../../../deploy/crds/sidegate.yaml");
    assert!(printed == committed, "deploy/crds/sidegate.yaml is not what is printed; `make crds` writes it");
}

#[test]
fn the_namespace_of_the_control_plane_is_asked_for_in_every_check() {
    let (_, printed, _) = printed(&["--namespace", "ai"]);
    assert_eq!(printed.matches("object.metadata.namespace == 'ai' ||").count(), 5);
    assert!(!printed.contains("sidegate-system"));
}

#[test]
fn a_namespace_that_cannot_be_one_is_refused() {
    let (success, printed, said) = self::printed(&["--namespace", "a' || true || 'b"]);
    assert!(!success && printed.is_empty());
    assert!(said.contains("must be 1 to 63 lower-case letters"), "{said}");
}
