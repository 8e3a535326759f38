//! What a component may reach besides the contract: what its site's `lithe.toml` grants, and nothing
//! else. The only place where WASI is given anything.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::output::{OutputHandle, Stream};
use crate::config::{self, SecretSource};
use crate::files::{self, FileError};

/// A secret of fewer bytes is not looked for in what a guest prints: it would be found everywhere.
const MIN_HIDDEN: usize = 6;

/// Random bytes of one call. They are made at about 10 ns each, while the guest cannot be interrupted.
const MAX_RANDOM: u64 = 256 * 1024;

/// The largest secret in a file.
const MAX_SECRET: ByteSize = ByteSize::kib(64);

/// What is granted, as it is now: secrets are read, folders are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    environment: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    /// By the guest's path.
    folders: BTreeMap<String, Folder>,
}

/// A value that no log shows.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    path: PathBuf,
    write: bool,
}

impl Grants {
    /// Reads what `lithe.toml` grants. Paths are relative to the site and inside it; of the host's
    /// environment, `may_read` says which variables.
    ///
    /// # Errors
    /// A secret or a folder is not there, or not the site's to give: which one.
    pub fn resolve(
        granted: &config::Plugin,
        site: &Path,
        may_read: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let mut grants = Self { environment: granted.environment.clone(), ..Self::default() };
        for (name, source) in &granted.secrets {
            if granted.environment.contains_key(name) {
                bail!("`{name}` is both in `environment` and in `secrets`: keep one");
            }
            let secret = secret(source, site, &may_read);
            let secret = secret.with_context(|| format!("the secret `{name}`"))?;
            grants.secrets.insert(name.clone(), Secret(secret));
        }
        for (guest, folder) in &granted.folders {
            let path = inside(site, &folder.path);
            let path = path.with_context(|| format!("the folder `{guest}`"))?;
            if !path.is_dir() {
                bail!("the folder `{guest}`: `{}` is no folder", folder.path.display());
            }
            grants.folders.insert(guest.clone(), Folder { path, write: folder.write });
        }
        Ok(grants)
    }

    /// What an instance has of WASI: clocks, random numbers, its output, and what is granted. No network.
    ///
    /// # Errors
    /// A folder is not there any more.
    pub(super) fn wasi(
        &self,
        output: impl Fn(Stream) -> OutputHandle,
    ) -> wasmtime::Result<WasiCtx> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output(Stream::Stdout)).stderr(output(Stream::Stderr));
        wasi.max_random_size(MAX_RANDOM);
        wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        for (name, value) in &self.environment {
            wasi.env(name, value);
        }
        for (name, Secret(value)) in &self.secrets {
            wasi.env(name, value);
        }
        for (guest, folder) in &self.folders {
            let permitted = match folder.write {
                true => FsPerms::ReadWrite,
                false => FsPerms::ReadOnly,
            };
            wasi.preopened_dir(&folder.path, guest, permitted)?;
        }
        Ok(wasi.build())
    }

    /// A guest's line without the secrets in it.
    pub(super) fn hide<'l>(&self, line: std::borrow::Cow<'l, str>) -> std::borrow::Cow<'l, str> {
        let mut line = line;
        for Secret(value) in self.secrets.values() {
            if value.len() >= MIN_HIDDEN && line.contains(value.as_str()) {
                line = line.replace(value.as_str(), "(secret)").into();
            }
        }
        line
    }
}

fn secret(
    source: &SecretSource,
    site: &Path,
    may_read: impl Fn(&str) -> bool,
) -> anyhow::Result<String> {
    match source {
        SecretSource::File(file) => {
            let shown = file.display();
            let text = match files::Folder::open(site)?.read_text(file, MAX_SECRET) {
                Ok(text) => text,
                Err(FileError::Outside) => bail!("`{shown}` is not inside the site"),
                Err(error) => return Err(error).with_context(|| format!("cannot read `{shown}`")),
            };
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        SecretSource::Host(variable) => {
            if !may_read(variable) {
                bail!(
                    "the host's `{variable}` is not for this site: the `{}` of all sites has to name it \
                     in `tenants.environment`",
                    config::FILE_NAME
                );
            }
            std::env::var(variable)
                .with_context(|| format!("the host's environment has no text `{variable}`"))
        }
    }
}

/// A path of the site, which no link leads out of it.
fn inside(site: &Path, path: &Path) -> anyhow::Result<PathBuf> {
    let real = site.join(path).canonicalize();
    let real = real.with_context(|| format!("`{}` is not there", path.display()))?;
    match real.starts_with(site) {
        true => Ok(real),
        false => bail!("`{}` is not inside the site", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(granted: &str, site: &Path) -> anyhow::Result<Grants> {
        let granted: config::Plugin = toml::from_str(granted).expect("it is a grant");
        Grants::resolve(&granted, site, |name| name == "PATH")
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path().canonicalize().unwrap();
        std::fs::write(root.join("token"), "hunter22\n").unwrap();
        let grants = resolve("secrets = { TOKEN = { file = \"token\" } }", &root).unwrap();
        assert!(!format!("{grants:?}").contains("hunter22"));
        assert_eq!(grants.hide("it is hunter22!".into()), "it is (secret)!");
        assert_eq!(grants.hide("nothing".into()), "nothing");
    }

    #[test]
    fn what_is_not_the_sites_is_not_granted() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path().canonicalize().unwrap();
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
        std::fs::write(root.join("file"), "x").unwrap();
        for (granted, words) in [
            ("folders = { \"/data\" = { path = \"/etc\" } }", "not inside the site"),
            ("folders = { \"/data\" = { path = \"..\" } }", "not inside the site"),
            ("folders = { \"/data\" = { path = \"out\" } }", "not inside the site"),
            ("folders = { \"/data\" = { path = \"file\" } }", "is no folder"),
            ("folders = { \"/data\" = { path = \"none\" } }", "is not there"),
            ("secrets = { A = { file = \"out/hostname\" } }", "not inside the site"),
            ("secrets = { A = { host = \"HOME\" } }", "`tenants.environment`"),
            ("environment = { A = \"1\" }\nsecrets = { A = { file = \"file\" } }", "keep one"),
        ] {
            let error = format!("{:#}", resolve(granted, &root).unwrap_err());
            assert!(error.contains(words), "{granted}: {error}");
        }
        assert!(resolve("secrets = { A = { host = \"PATH\" } }", &root).is_ok());
    }
}
