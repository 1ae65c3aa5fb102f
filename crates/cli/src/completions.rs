//! Completions: scripts for shells, and answers to kubectl, which asks a program named `kubectl_complete-sidegate`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output::print_text;

/// kubectl's `ShellCompDirectiveNoFileComp`: nothing else would fit.
const NOTHING_ELSE: &str = ":4";
/// kubectl's `ShellCompDirectiveDefault`: names of files may fit.
const FILES_TOO: &str = ":0";

/// Flags of `sidegate completions`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "For example: source <(sidegate completions bash)\n\
                        For kubectl, link this program as kubectl_complete-sidegate beside kubectl-sidegate.")]
pub struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Prints the script for a shell.
///
/// # Errors
/// When it cannot be written.
pub fn run(arguments: &Arguments, mut command: Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "sidegate", &mut script);
    print_text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Answers kubectl: the words so far, of which the last is to be completed, and what would fit, one a line.
///
/// # Errors
/// When it cannot be written.
pub fn complete(words: &[OsString], command: &Command) -> Result<ExitCode, Failure> {
    let words: Vec<String> = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut within = command;
    for word in before {
        within = within.find_subcommand(word).unwrap_or(within);
    }
    let valued = before.last().and_then(|word| flag(within, word)).filter(|flag| flag.get_action().takes_values());
    let (candidates, directive) = match valued {
        Some(flag) => values(flag),
        None => (names(within), NOTHING_ELSE),
    };
    let mut text: String = candidates.iter().filter(|c| c.starts_with(last)).map(|c| format!("{c}\n")).collect();
    text.push_str(directive);
    print_text(&(text + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn flag<'a>(command: &'a Command, word: &str) -> Option<&'a clap::Arg> {
    let long = |argument: &&clap::Arg| argument.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
    let short = |argument: &&clap::Arg| argument.get_short().is_some_and(|short| word == format!("-{short}"));
    command.get_arguments().find(|argument| long(argument) || short(argument))
}

fn values(flag: &clap::Arg) -> (Vec<String>, &'static str) {
    let values: Vec<String> = flag.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let file = ["filename", "kubeconfig", "token_file"].contains(&flag.get_id().as_str());
    (values, if file { FILES_TOO } else { NOTHING_ELSE })
}

/// Subcommands, flags, and what stands without a flag.
fn names(command: &Command) -> Vec<String> {
    let subcommands = command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned());
    let flags = command.get_arguments().filter_map(|argument| argument.get_long()).map(|long| format!("--{long}"));
    let places = command.get_positionals().flat_map(|argument| argument.get_possible_values());
    let values = places.map(|value| value.get_name().to_owned());
    subcommands.chain(values).chain(flags).collect()
}
