//! Any other tool: a command that the site names.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::{contract, tool};

/// Runs the command in the source's folder; it writes the component to the file that it is told.
///
/// # Errors
/// It fails, or writes no file.
pub(crate) fn build(folder: &Path, command: &str, work: &Path) -> anyhow::Result<Vec<u8>> {
    let wit = work.join("wit");
    contract::write(&wit)?;
    let output = work.join("component.wasm");
    if output.exists() {
        std::fs::remove_file(&output)?;
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder);
    shell.env("LITHE_OUTPUT", &output).env("LITHE_WIT", &wit);
    tool::run(&mut shell).with_context(|| format!("the command was `{command}`"))?;
    std::fs::read(&output).with_context(|| {
        format!("the command `{command}` has not written the component to `$LITHE_OUTPUT`")
    })
}
