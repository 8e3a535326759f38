//! TypeScript's types, which a bundler only removes: checked by the compiler where it is installed
//! and has settings.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use super::tool;

/// The compiler's settings, beside the source's manifest.
const SETTINGS: &str = "tsconfig.json";

/// What to do with errors of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeErrors {
    /// The component is not built.
    Fail,
    /// They are printed, and the component is built.
    Warn,
}

/// A check that runs while other tools do.
pub(crate) struct Check {
    running: Option<Child>,
}

impl Check {
    /// Begins the check, if the compiler is installed and has settings.
    ///
    /// # Errors
    /// The compiler exists and cannot be run.
    pub(crate) fn begin(folder: &Path) -> anyhow::Result<Self> {
        let compiler = tool::find_upward(&folder.canonicalize()?, "node_modules/.bin/tsc");
        let (Some(compiler), true) = (compiler, folder.join(SETTINGS).is_file()) else {
            return Ok(Self { running: None });
        };
        let running = Command::new(&compiler)
            .current_dir(folder)
            .args(["--noEmit", "--pretty", "false"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run `{}`", compiler.display()))?;
        Ok(Self { running: Some(running) })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The author's files have errors of types, and those are to fail.
    pub(crate) fn end(mut self, errors: TypeErrors, say: &impl Fn(&str)) -> anyhow::Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let output = running.wait_with_output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = of_the_author(&String::from_utf8_lossy(&said));
        if output.status.success() || said.is_empty() {
            return Ok(());
        }
        say(&said);
        match errors {
            TypeErrors::Fail => bail!("its types have errors, which are above"),
            TypeErrors::Warn => say("its types have errors: `lithe build` would fail"),
        }
        Ok(())
    }
}

/// A build that failed before it asked leaves no process behind.
impl Drop for Check {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

/// What the compiler says of the author's files. Those of the SDK are in `.lithe`: an author's
/// settings may be stricter than the SDK's own, or bring the types of a browser. Lines that begin
/// with a space go on with the one before.
fn of_the_author(said: &str) -> String {
    let mut is_shown = true;
    let shown = said.lines().filter(|line| {
        if !line.starts_with(' ') {
            let (file, _) = line.split_once('(').unwrap_or((line, ""));
            is_shown = !file.starts_with(".lithe/") && !file.contains("node_modules/");
        }
        is_shown && !line.trim().is_empty()
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_sdk_are_not_the_author_s() {
        let sdk = ".lithe/hooks/sdk/env.ts(3,1): error TS1: no\n  because\n";
        let others = "../node_modules/typescript/lib/lib.dom.d.ts(1,1): error TS3: no\n";
        let own = "index.ts(1,2): error TS2: yes (node_modules/x)\n  because";
        assert_eq!(of_the_author(&format!("{sdk}{own}\n{others}{sdk}\n")), own);
        assert_eq!(of_the_author(sdk), "");
    }
}
