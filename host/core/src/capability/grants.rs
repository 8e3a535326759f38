//! What a component may reach in addition to the contract: what its site's `lithe.toml` grants.
//! Only this module gives a guest anything of WASI.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use super::account::Account;
use super::filesystem::Granted;
use super::output::{OutputHandle, StandardStream};
use crate::config::{self, Limits, SecretSource};
use crate::files::{FileError, Folder, Identity, Writable};
use crate::log::Patterns;

/// The most random bytes of one call. Making one takes about 10 ns, and the guest cannot be
/// interrupted in that time.
const MAX_RANDOM: u64 = 256 * 1024;

/// The largest secret in a file, in bytes.
const MAX_SECRET: ByteSize = ByteSize::kib(64);

/// The most bytes that the names and values of a component's variables and secrets may have. Each
/// instance has a copy, which its `limits.memory` does not count.
const MAX_VARIABLES: ByteSize = ByteSize::kib(128);

/// The most bytes that the secrets of all components of a site may have. A secret of several
/// components counts for each. The log searches for up to four forms of each secret, which have up
/// to 14 times as many bytes. Building the finder for one version takes at most 0.6 s and 160 MiB,
/// if the secrets consist of control characters. For letters, digits, quotes and tabs it takes 60
/// ms and 30 MiB.
const MAX_SECRET_BYTES: ByteSize = ByteSize::kib(256);

/// The parts of a site that the host serves from: no guest may be granted any of them.
const PARTS: [&str; 5] = ["routes", "plugins", "middleware", "public", ".lithe"];

/// Resolved grants: secrets are read, and folders are open. Two grants are equal if they grant the
/// same, even after a folder was renamed.
#[derive(Clone, Default)]
pub struct Grants {
    environment: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    /// The forms in which the log searches for the secrets.
    hidden: Arc<Patterns>,
    /// The granted folders, by the guest's path.
    identities: BTreeMap<String, (Identity, Option<ByteSize>)>,
    folders: Vec<Granted>,
}

impl PartialEq for Grants {
    fn eq(&self, other: &Self) -> bool {
        let Self { environment, secrets, identities, hidden: _, folders: _ } = self;
        *environment == other.environment
            && *secrets == other.secrets
            && *identities == other.identities
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants")
            .field("environment", &self.environment)
            .field("secrets", &self.secrets)
            .field("folders", &self.identities)
            .finish()
    }
}

/// How many bytes the secrets of a site's components may still take.
pub struct SecretsRoom(u64);

/// The whole room.
impl Default for SecretsRoom {
    fn default() -> Self {
        Self(MAX_SECRET_BYTES.as_u64())
    }
}

impl SecretsRoom {
    fn take(&mut self, secret: &str) -> anyhow::Result<()> {
        let rest = self.0.checked_sub(secret.len() as u64);
        self.0 = rest.with_context(|| {
            format!(
                "with it, the `secrets` of all components of the site have more than {MAX_SECRET_BYTES} together: \
                 shorten them, or grant each only to components that need it"
            )
        })?;
        Ok(())
    }
}

/// A value that the log never shows.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Grants {
    /// Reads what `lithe.toml` grants. Paths are relative to the site and stay inside it.
    /// `may_read` says which variables of the host's environment may be read. `room_of_site` is
    /// shared by all of the site's components.
    ///
    /// # Errors
    /// A secret or a folder does not exist, is too large, or is not the site's to grant: the
    /// message says which.
    pub fn resolve(
        granted: &config::PluginConfig,
        site: &Folder,
        account: &Arc<Account>,
        room_of_site: &mut SecretsRoom,
        may_read: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let mut grants = Self { environment: granted.environment.clone(), ..Self::default() };
        let mut room = MAX_VARIABLES.as_u64();
        for (name, value) in &granted.environment {
            take(&mut room, name, value)?;
        }
        for (name, source) in &granted.secrets {
            if granted.environment.contains_key(name) {
                bail!("`{name}` is both in `environment` and in `secrets`: keep one");
            }
            let mut read = || {
                let secret = secret(source, site, &may_read)?;
                room_of_site.take(&secret)?;
                anyhow::Ok(secret)
            };
            let secret = read().with_context(|| format!("the secret `{name}`"))?;
            take(&mut room, name, &secret)?;
            grants.secrets.insert(name.clone(), Secret(secret));
        }
        let values = grants.secrets.values().map(|Secret(value)| value.as_str());
        grants.hidden = Arc::new(Patterns::new(values));
        for (guest, folder) in &granted.folders {
            let write = folder.write.then(|| folder.size.unwrap_or(Limits::default().folder_size));
            let grant = || -> anyhow::Result<(Identity, Granted)> {
                let opened = open(site, &folder.path)?;
                let granted = Granted::new(guest.clone(), &opened, write, account)?;
                Ok((opened.identity()?, granted))
            };
            let (identity, granted) = grant().with_context(|| format!("the folder `{guest}`"))?;
            grants.identities.insert(guest.clone(), (identity, write));
            grants.folders.push(granted);
        }
        Ok(grants)
    }

    /// The granted folders, for each instance.
    pub(super) fn folders(&self) -> &[Granted] {
        &self.folders
    }

    /// The WASI context of an instance: clocks, random numbers, its output, and what is granted.
    /// The network is not included. Files are granted by [`Grants::folders`].
    pub(super) fn wasi(&self, output: impl Fn(StandardStream) -> OutputHandle) -> WasiCtx {
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output(StandardStream::Stdout)).stderr(output(StandardStream::Stderr));
        wasi.max_random_size(MAX_RANDOM);
        wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        for (name, value) in &self.environment {
            wasi.env(name, value);
        }
        for (name, Secret(value)) in &self.secrets {
            wasi.env(name, value);
        }
        wasi.build()
    }

    /// What the log must not show.
    pub fn hidden(&self) -> &Arc<Patterns> {
        &self.hidden
    }
}

/// Takes room for a variable.
fn take(room: &mut u64, name: &str, value: &str) -> anyhow::Result<()> {
    let rest = room.checked_sub(name.len() as u64 + value.len() as u64);
    *room = rest.with_context(|| {
        format!("`environment` and `secrets` have more than {MAX_VARIABLES} together")
    })?;
    Ok(())
}

/// The folders that a site's settings let guests write to. The host reads nothing in them while
/// somebody holds this. A folder that cannot be granted is left out: [`Grants::resolve`] says why.
///
/// # Errors
/// One of the folders contains another. What is in the inner one would count for one size only.
pub(crate) fn writable(
    site: &Folder,
    plugins: &BTreeMap<String, config::PluginConfig>,
) -> anyhow::Result<Vec<Arc<Writable>>> {
    let mut all: Vec<(String, Vec<Identity>)> = Vec::new();
    let mut registered = Vec::new();
    for (file, plugin) in plugins {
        for (guest, folder) in plugin.folders.iter().filter(|(_, folder)| folder.write) {
            let Ok(opened) = open(site, &folder.path) else { continue };
            let granted = format!("`{}` (`{guest}` of `{file}`)", folder.path.display());
            registered.push(Writable::register(&opened, granted.clone())?);
            all.push((granted, opened.around()?));
        }
    }
    for (inner, around) in &all {
        let above = around.get(1..).unwrap_or_default();
        let outer =
            all.iter().find(|(_, outer)| outer.first().is_some_and(|own| above.contains(own)));
        if let Some((outer, _)) = outer {
            bail!(
                "the folder {inner} is in {outer}, and both are granted with `write`: each has a `size` of its \
                 own, so grant one of them only, or folders beside each other"
            );
        }
    }
    Ok(registered)
}

/// Opens a folder that the site may grant: it is inside the site, and not one of its parts.
fn open(site: &Folder, path: &Path) -> anyhow::Result<Folder> {
    let folder = site.folder_for_guests(path).map_err(|error| refusal(path, error))?;
    let (own, top) = (folder.identity()?, site.identity()?);
    let shown = path.display();
    if own == top {
        bail!("`{shown}` is the site itself: put what is granted into a folder of its own");
    }
    if folder.dir().symlink_metadata(config::FILE_NAME).is_ok() {
        bail!("`{shown}` has a `{}` in it: grant a folder that is not a site", config::FILE_NAME);
    }
    let around = folder.around()?;
    for name in PARTS {
        let part = match part(site, name) {
            Ok(part) => part,
            Err(FileError::Missing | FileError::NotAFolder | FileError::Outside) => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot look at `{name}`")),
        };
        let identity = part.identity()?;
        if around.contains(&identity) {
            bail!("`{shown}` is in `{name}`, which the host serves from: grant another folder");
        }
        if identity != top && part.around()?.contains(&own) {
            bail!("`{shown}` has `{name}` in it, which the host serves from: grant another folder");
        }
    }
    Ok(folder)
}

/// Opens a part of the site in the same way as those that serve from it: `public` may be a link
/// with an absolute path.
fn part(site: &Folder, name: &str) -> Result<Folder, FileError> {
    match site.folder_for_guests(name) {
        Err(FileError::Outside) => {
            site.folder_for_guests(site.inward(name).ok_or(FileError::Outside)?)
        }
        opened => opened,
    }
}

fn refusal(path: &Path, error: FileError) -> anyhow::Error {
    let shown = path.display();
    match error {
        FileError::Missing => anyhow::anyhow!("`{shown}` does not exist"),
        FileError::Outside => anyhow::anyhow!("`{shown}` is not inside the site"),
        FileError::NotAFolder => anyhow::anyhow!("`{shown}` is not a folder"),
        error => anyhow::Error::new(error).context(format!("cannot use `{shown}`")),
    }
}

fn secret(
    source: &SecretSource,
    site: &Folder,
    may_read: impl Fn(&str) -> bool,
) -> anyhow::Result<String> {
    match source {
        SecretSource::File(file) => {
            let text = site.read_text(file, MAX_SECRET).map_err(|error| refusal(file, error))?;
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
            std::env::var(variable).map_err(|error| match error {
                VarError::NotPresent => anyhow::anyhow!(
                    "the host's environment has no variable `{variable}`: set it where `lithe` is started"
                ),
                VarError::NotUnicode(_) => anyhow::anyhow!(
                    "the variable `{variable}` of the host's environment is not text: set it to UTF-8"
                ),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(granted: &str, site: &Path) -> anyhow::Result<Grants> {
        let granted: config::PluginConfig = toml::from_str(granted).expect("it is a grant");
        let site = Folder::open(site).expect("the site is there");
        let (account, mut room) = (Account::new("site".into()), SecretsRoom::default());
        Grants::resolve(&granted, &site, &account, &mut room, |name| name == "PATH")
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path().canonicalize().unwrap();
        std::fs::write(root.join("token"), "hunter22\n").unwrap();
        let grants = resolve("secrets = { TOKEN = { file = \"token\" } }", &root).unwrap();
        assert!(!format!("{grants:?}").contains("hunter22"));
        assert_eq!(**grants.hidden(), Patterns::new(["hunter22"]));
    }

    #[test]
    fn variables_have_a_bound_together() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path();
        std::fs::write(root.join("key"), "k".repeat(60_000)).unwrap();
        let secrets = |count: usize| -> String {
            (0..count).map(|n| format!("secrets.K{n} = {{ file = \"key\" }}\n")).collect()
        };
        assert!(resolve(&secrets(2), root).is_ok());
        let long = format!("environment.LONG = \"{}\"\n", "x".repeat(70_000));
        assert!(resolve(&format!("{long}{}", secrets(1)), root).is_ok());
        for granted in [secrets(3), format!("{long}{}", secrets(2))] {
            let error = format!("{:#}", resolve(&granted, root).unwrap_err());
            assert!(error.contains("more than 128.0 KiB together"), "{error}");
        }
    }

    #[test]
    fn refuses_secrets_of_all_components_over_their_bound() {
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join("key"), "k".repeat(64 * 1024)).unwrap();
        let folder = Folder::open(site.path()).unwrap();
        let granted = toml::from_str("secrets.KEY = { file = \"key\" }").unwrap();
        let (account, mut room) = (Account::new("site".into()), SecretsRoom::default());
        let mut resolve = || Grants::resolve(&granted, &folder, &account, &mut room, |_| false);
        assert!((0..4).all(|_| resolve().is_ok()));
        let error = format!("{:#}", resolve().unwrap_err());
        assert!(error.contains("the secret `KEY`: "), "{error}");
        assert!(error.contains("more than 256.0 KiB together"), "{error}");
    }

    #[test]
    fn a_secret_has_a_size() {
        let site = tempfile::tempdir().unwrap();
        let with = |bytes: u64| {
            std::fs::write(site.path().join("key"), "k".repeat(bytes as usize)).unwrap();
            resolve("secrets.KEY = { file = \"key\" }", site.path())
        };
        assert!(with(MAX_SECRET.as_u64()).is_ok());
        let error = format!("{:#}", with(MAX_SECRET.as_u64() + 1).unwrap_err());
        assert!(error.contains("at most 64.0 KiB"), "{error}");
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
            ("folders = { \"/data\" = { path = \"file\" } }", "is not a folder"),
            ("folders = { \"/data\" = { path = \"none\" } }", "does not exist"),
            ("secrets = { A = { file = \"out/hostname\" } }", "not inside the site"),
            ("secrets = { A = { host = \"HOME\" } }", "`tenants.environment`"),
            ("environment = { A = \"1\" }\nsecrets = { A = { file = \"file\" } }", "keep one"),
        ] {
            let error = format!("{:#}", resolve(granted, &root).unwrap_err());
            assert!(error.contains(words), "{granted}: {error}");
        }
        assert!(resolve("secrets = { A = { host = \"PATH\" } }", &root).is_ok());
    }

    #[test]
    fn what_the_host_serves_from_is_not_granted_under_any_name() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path();
        for folder in ["routes/deep", "data/below", ".lithe/versions", "holds/real", "other"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::fs::write(root.join("other/lithe.toml"), "").unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        };
        link("routes", "data/../linked");
        link("holds/real", "public");
        link("data", "fine");
        for (path, words) in [
            (".", "is the site itself"),
            ("data/..", "is the site itself"),
            ("routes", "is in `routes`"),
            ("./routes", "is in `routes`"),
            ("data/../routes/deep", "is in `routes`"),
            ("linked", "is in `routes`"),
            ("linked/deep", "is in `routes`"),
            (".lithe", "is in `.lithe`"),
            (".lithe/versions", "is in `.lithe`"),
            ("holds/real", "is in `public`"),
            ("holds", "has `public` in it"),
            ("other", "has a `lithe.toml` in it"),
        ] {
            let granted = format!("folders = {{ \"/d\" = {{ path = \"{path}\" }} }}");
            let error = format!("{:#}", resolve(&granted, root).unwrap_err());
            assert!(error.contains(words), "{path}: {error}");
        }
        for path in ["data", "data/below", "fine", "fine/below"] {
            let granted = format!("folders = {{ \"/d\" = {{ path = \"{path}\" }} }}");
            assert!(resolve(&granted, root).is_ok(), "{path}");
        }
    }

    #[test]
    fn public_files_are_not_granted_where_an_absolute_link_leads_to_them() {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(site.path().join("data/pages/deep")).unwrap();
        let pages = site.path().join("data/pages");
        std::os::unix::fs::symlink(pages, site.path().join("public")).unwrap();
        for (path, words) in [
            ("data", "has `public` in it"),
            ("data/pages", "is in `public`"),
            ("data/pages/deep", "is in `public`"),
        ] {
            let granted = format!("folders = {{ \"/d\" = {{ path = \"{path}\" }} }}");
            let error = format!("{:#}", resolve(&granted, site.path()).unwrap_err());
            assert!(error.contains(words), "{path}: {error}");
        }
    }

    fn plugins(settings: &str) -> BTreeMap<String, config::PluginConfig> {
        toml::from_str(settings).expect("these are settings of components")
    }

    #[test]
    fn refuses_writable_folders_in_each_other() {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(site.path().join("d/x/y")).unwrap();
        std::fs::create_dir_all(site.path().join("e")).unwrap();
        let folder = Folder::open(site.path()).unwrap();
        let settings = |inner: &str| {
            plugins(&format!(
                "[\"routes/a.wasm\"]\nfolders = {{ \"/d\" = {{ path = \"d\", write = true }} }}\n\
                 [\"routes/b.wasm\"]\nfolders = {{ \"/i\" = {{ {inner} }} }}\n"
            ))
        };
        for path in ["d/x", "d/x/y", "d/../d/x"] {
            let settings = settings(&format!("path = \"{path}\", write = true"));
            let error = format!("{:#}", writable(&folder, &settings).unwrap_err());
            let words =
                format!("`{path}` (`/i` of `routes/b.wasm`) is in `d` (`/d` of `routes/a.wasm`)");
            assert!(error.contains(&words), "{error}");
        }
        for (inner, count) in [
            ("path = \"d/x\"", 1),
            ("path = \"d\", write = true", 2),
            ("path = \"e\", write = true", 2),
            ("path = \"none\", write = true", 1),
            ("path = \"..\", write = true", 1),
        ] {
            assert_eq!(writable(&folder, &settings(inner)).unwrap().len(), count, "{inner}");
        }
    }

    #[test]
    fn refuses_a_secret_that_guests_may_write() {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir(site.path().join("d")).unwrap();
        std::fs::write(site.path().join("d/key"), "hunter22").unwrap();
        std::os::unix::fs::symlink("d/key", site.path().join("key")).unwrap();
        let secret = "secrets = { KEY = { file = \"key\" } }";
        assert!(resolve(secret, site.path()).is_ok());
        let granted = "[\"a\"]\nfolders = { \"/d\" = { path = \"d\", write = true } }";
        let folder = Folder::open(site.path()).unwrap();
        let _writable = writable(&folder, &plugins(granted)).unwrap();
        let error = format!("{:#}", resolve(secret, site.path()).unwrap_err());
        assert!(error.contains("the secret `KEY`: cannot use `key`"), "{error}");
        assert!(error.contains("`d` (`/d` of `a`), which guests may write to"), "{error}");
    }

    #[test]
    fn grants_are_the_same_if_their_folders_are() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path();
        std::fs::create_dir(root.join("data")).unwrap();
        let granted = |more: &str| {
            let granted = format!("folders = {{ \"/d\" = {{ path = \"data\"{more} }} }}");
            resolve(&granted, root).unwrap()
        };
        let before = granted("");
        assert_eq!(before, granted(""));
        assert_ne!(before, granted(", write = true"));
        assert_ne!(granted(", write = true"), granted(", write = true, size = 1"));
        std::fs::rename(root.join("data"), root.join("moved")).unwrap();
        std::fs::create_dir(root.join("data")).unwrap();
        assert_ne!(before, granted(""), "another folder has its name");
    }
}
