//! Runs the programs that a build needs.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Runs a program to its end; what it prints goes to standard error.
///
/// # Errors
/// It cannot be run, or fails: its own messages have been printed.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = name(command);
    // Standard output is for what the host itself answers.
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let status = command.status().with_context(|| format!("cannot run `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status}): its messages are above");
    }
    Ok(())
}

/// Whether what a tool says goes to a terminal, which shows colors.
pub(crate) fn may_color() -> bool {
    std::io::stderr().is_terminal()
}

/// How a program has ended.
pub(crate) struct Ended {
    /// Whether it has done what it was asked for.
    pub(crate) is_success: bool,
    /// What it has printed.
    pub(crate) said: String,
}

/// Runs a program to its end, and prints what it says to standard error.
///
/// # Errors
/// It cannot be run, or standard error cannot be written to.
pub(crate) fn watch(command: &mut Command) -> anyhow::Result<Ended> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run `{name}`"))?;
    let said = [output.stdout, output.stderr].concat();
    let printed = std::io::stderr().write_all(&said);
    printed.with_context(|| format!("cannot print what `{name}` says"))?;
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(Ended { is_success: output.status.success(), said })
}

/// Runs a program and answers what it prints on standard output, without the white space around it.
///
/// # Errors
/// As [`run`].
pub(crate) fn ask(command: &mut Command) -> anyhow::Result<String> {
    let name = name(command);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot run `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed ({}): its messages are above", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first of several ways to run a tool that works when it is asked for its version.
pub(crate) fn first_that_works(ways: &[&[&str]], version: &str) -> Option<Vec<String>> {
    let words = ways.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect());
    words.into_iter().find(|words: &Vec<String>| {
        let mut asked = command(words);
        asked.arg(version).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    })
}

/// A program and its first arguments.
pub(crate) fn command(words: &[String]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words);
    command
}

/// Finds a file of this name in the folder or in one of those around it.
pub(crate) fn find_upward(folder: &Path, name: &str) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(name)).find(|path| path.exists())
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
