//! The host that is measured: as it is shipped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The target folder, which this program is in.
///
/// # Errors
/// It is somewhere else.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program has a path")?;
    let folder = own.parent().context("it is in a folder")?;
    Ok(folder.parent().context("which is in the target folder")?.to_owned())
}

/// Serves a folder as it does for anybody, with compiled components in another.
pub(crate) fn serve(program: &Path, folder: &Path, cache: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command.arg("serve").arg(folder).arg("--cache").arg(cache);
    command.args(["--listen", &address.to_string()]).env_remove("LITHE_LOG");
    command
}

/// What it says when it serves everything.
pub(crate) const READY: &str = "listening on http://";

/// What the host holds for a site, by the site's account, in bytes.
#[derive(Debug)]
pub(crate) struct Account {
    pub used: u64,
    pub highest: u64,
}

/// Asks the host that serves this site for the site's account.
///
/// # Errors
/// No host serves it.
pub(crate) fn account(program: &Path, site: &Path) -> anyhow::Result<Account> {
    let output = Command::new(program).arg("status").arg(site).arg("--json").output();
    let output = output.context("cannot ask for the status")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let bytes = |name: &str| {
        let value = status["memory"][name].as_u64();
        value.with_context(|| format!("the status has no `memory.{name}`"))
    };
    Ok(Account { used: bytes("used")?, highest: bytes("highest")? })
}

/// Builds it, and answers where it is. The first time takes minutes.
///
/// # Errors
/// It does not build.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let target = target()?;
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "dist", "--package", "lithe", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the host does not build");
    Ok(target.join("dist/lithe"))
}
