//! Under which name the program is called, completions, and the manual page.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::{program, run, sidegate};

/// The program under another name.
fn as_name(directory: &tempfile::TempDir, name: &str) -> PathBuf {
    let link = directory.path().join(name);
    symlink(program(), &link).unwrap();
    link
}

#[test]
fn as_a_plugin_of_kubectl_it_names_itself_as_it_is_called() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = as_name(&directory, "kubectl-sidegate");
    let help = run(&plugin, &["explain", "--help"], "");
    assert_eq!(help.code, 0, "{}", help.err);
    assert!(help.out.contains("Usage: kubectl sidegate explain"), "{}", help.out);
    let wrong = run(&plugin, &["explain"], "");
    assert!(wrong.code == 64 && wrong.err.contains("kubectl sidegate explain"), "{}", wrong.err);
    let alone = sidegate(&["explain", "--help"]);
    assert!(alone.out.contains("Usage: sidegate explain"), "{}", alone.out);
}

#[test]
fn it_does_the_same_under_both_names() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = as_name(&directory, "kubectl-sidegate");
    let asked = ["check", "-f", super::WRONG];
    let (as_plugin, alone) = (run(&plugin, &asked, ""), sidegate(&asked));
    assert_eq!((as_plugin.code, as_plugin.out), (alone.code, alone.out));
}

#[test]
fn kubectl_gets_completions_from_the_program_that_it_asks() {
    let directory = tempfile::tempdir().unwrap();
    let completer = as_name(&directory, "kubectl_complete-sidegate");
    let told = |words: &[&str]| run(&completer, words, "").out;
    assert_eq!(told(&["exp"]), "explain\n:4\n");
    assert_eq!(told(&["explain", "--dia"]), "--dialect\n:4\n");
    assert_eq!(told(&["explain", "--dialect", ""]), "OpenAI\nAnthropic\nGemini\n:4\n");
    assert_eq!(told(&["check", "-o", "j"]), "json\n:4\n");
    assert_eq!(told(&["check", "-f", ""]), ":0\n", "names of files");
    assert_eq!(told(&["tap", "--outcome", "refu"]), "refused\n:4\n");
    assert_eq!(told(&["top", "--by", "m"]), "model\n:4\n");
    assert_eq!(told(&["trace", "--token-file", ""]), ":0\n", "names of files");
    assert_eq!(told(&["completions", "z"]), "zsh\n:4\n");
    assert!(told(&[""]).contains("effective\n"));
}

#[test]
fn each_shell_has_its_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = sidegate(&["completions", shell]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.contains("effective") && ended.out.contains("control-namespace"), "{shell}");
    }
    assert_eq!(sidegate(&["completions", "dos"]).code, 64);
}

#[test]
fn the_manual_page_names_every_command_and_its_flags() {
    let ended = sidegate(&["man"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains(".TH sidegate 1"), "{}", ended.out);
    for part in ["explain", "effective", "check", "completions", "as\\-workload", "control\\-namespace", "strict"] {
        assert!(ended.out.contains(part), "{part}");
    }
}
