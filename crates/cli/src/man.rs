//! The manual page: one for the program and all that it does, so that `man sidegate` is enough.

use std::io;
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
    let page = page(&command).map_err(|error| Failure::new(UNAVAILABLE, error))?;
    print_text(&page)?;
    Ok(ExitCode::SUCCESS)
}

fn page(command: &Command) -> io::Result<String> {
    let (mut page, man) = (Vec::new(), Man::new(command.clone()));
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let (mut part, man) = (Vec::new(), Man::new(subcommand.clone()));
        man.render_description_section(&mut part)?;
        man.render_synopsis_section(&mut part)?;
        man.render_options_section(&mut part)?;
        man.render_extra_section(&mut part)?;
        // One section a command, and what it has below it.
        page.push_str(&format!(".SH \"{}\"\n", subcommand.get_bin_name().unwrap_or(subcommand.get_name())));
        page.push_str(
            &String::from_utf8_lossy(&part)
                .replace(".SH DESCRIPTION\n", "")
                .replace(".SH EXTRA", ".SS NOTES")
                .replace(".SH ", ".SS "),
        );
    }
    Ok(page)
}
