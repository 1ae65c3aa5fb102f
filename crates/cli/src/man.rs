//! The manual page: one for the program and all that it does, so that `man sidegate` is enough.

use std::process::ExitCode;

use clap::Command;
use clap_mangen::Man;

use crate::failure::{Failure, UNAVAILABLE};
use crate::output::print_text;

/// Prints the page.
///
/// # Errors
/// When it cannot be written.
pub fn run(mut command: Command) -> Result<ExitCode, Failure> {
    command.build();
    let mut page = Vec::new();
    let broken = |error: std::io::Error| Failure::new(UNAVAILABLE, error);
    Man::new(command.clone()).render(&mut page).map_err(broken)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let part = Man::new(subcommand.clone());
        part.render_synopsis_section(&mut page).map_err(broken)?;
        part.render_description_section(&mut page).map_err(broken)?;
        part.render_options_section(&mut page).map_err(broken)?;
    }
    print_text(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}
