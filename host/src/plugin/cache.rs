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

use anyhow::Context as _;
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

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
    /// The folder cannot be made.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).with_context(|| {
            format!("cannot make the cache folder `{}`: choose one by `--cache`", folder.display())
        })?;
        Ok(Self { folder })
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
        compiled: &Component,
    ) -> anyhow::Result<()> {
        let path = self.path(engine, component);
        let artifact = compiled.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        self.write(&checksum_path(&path), Digest::of(&artifact).to_string().as_bytes())?;
        self.write(&path, &artifact)
    }

    /// Whole or not at all: another host may read the same folder.
    fn write(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
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

fn checksum_path(artifact: &Path) -> PathBuf {
    artifact.with_extension("sha256")
}
