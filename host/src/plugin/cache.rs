//! Compiled components on disk.
//!
//! A component is keyed by its SHA-256 and by everything that wasmtime says a compilation depends on.
//! Beside each artifact lies the artifact's own SHA-256: one that does not match is compiled again,
//! never trusted.

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::artifact;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'d> Deserialize<'d> for Digest {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(text.to_owned());
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(invalid());
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

/// What is no digest.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no SHA-256: that has 64 hexadecimal digits")]
pub struct InvalidDigest(String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        // With a precision, only its beginning.
        f.pad(&text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens a folder, and makes it where it is missing: for this user only.
    ///
    /// # Errors
    /// The folder cannot be made, or somebody else may write to it.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).with_context(|| {
            format!("cannot make the cache folder `{}`: choose one by `--cache`", folder.display())
        })?;
        check_owner(&folder)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The compiled component, if it is there and whole.
    pub fn load(&self, engine: &Engine, component: &Digest) -> Option<Component> {
        let path = self.path(engine, component);
        let artifact = fs::read(&path).ok()?;
        let noted = fs::read_to_string(checksum_path(&path)).unwrap_or_default();
        let loaded = if noted.trim_end() == Digest::of(&artifact).to_string() {
            artifact::map(engine, &path).map_err(|error| format!("{error:#}"))
        } else {
            Err("its checksum does not match".to_owned())
        };
        match loaded {
            Ok(component) => Some(component),
            Err(reason) => {
                let file = path.display();
                tracing::warn!(
                    "compiling again: the cached artifact `{file}` is damaged: {reason}"
                );
                None
            }
        }
    }

    /// Keeps a compiled component.
    ///
    /// # Errors
    /// The files cannot be written; what was there before stays.
    pub fn store(
        &self,
        engine: &Engine,
        component: &Digest,
        compiled: &[u8],
    ) -> anyhow::Result<()> {
        let path = self.path(engine, component);
        self.write(&checksum_path(&path), Digest::of(compiled).to_string().as_bytes())?;
        self.write(&path, compiled)
    }

    /// Whole or not at all: another host may read the same folder.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(bytes)?;
            file.persist(path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write `{}`", path.display()))
    }

    fn path(&self, engine: &Engine, component: &Digest) -> PathBuf {
        let mut settings = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut settings);
        self.folder.join(format!("{component}-{:016x}.cwasm", settings.finish()))
    }
}

/// What is in the folder is run: nobody else may put anything there.
#[cfg(unix)]
fn check_owner(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = folder.display();
    let metadata = folder.metadata().with_context(|| format!("cannot look at `{shown}`"))?;
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != user {
        bail!("the cache folder `{shown}` is another user's: choose one by `--cache`");
    }
    if metadata.mode() & 0o022 != 0 {
        bail!("others may write to the cache folder `{shown}`: run `chmod go-w` on it");
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}

fn checksum_path(artifact: &Path) -> PathBuf {
    artifact.with_extension("sha256")
}
