//! Makes a site's folder as a program says. Nothing is made through a link.
//!
//! A program is operations, one after the other: a byte, modulo the number of operations, and then
//! its arguments. Where the bytes end, every argument is 0.
//!
//! | argument | bytes |
//! |---|---|
//! | name | below 128: of [`NAMES`]; else the next bytes, as many as it says over 128 |
//! | target | below 128: of [`TARGETS`]; else the next bytes; `O/` at the beginning is the folder outside, `S/` the site |

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use lithe_host::internals::plugin::Digest;

/// Operations of one program, and names that it makes.
const MAX_STEPS: usize = 300;
const MAX_NAMES: usize = 1_500;

/// Begins what a file holds: then its place in the site follows.
const MADE: &str = "made at ";

const NAMES: [&[u8]; 36] = [
    b"routes",
    b"plugins",
    b"middleware",
    b"public",
    b".lithe",
    b"data",
    b"secrets",
    b"index.wasm",
    b"[id].wasm",
    b"[...rest].wasm",
    b"_middleware.wasm",
    b"_error.get.wasm",
    b"_helper.wasm",
    b"a.get.wasm",
    b"b.wasm",
    b"index.html",
    b"page.html",
    b"page.html.gz",
    b"page.html.br",
    b".well-known",
    b".hidden",
    b"..data",
    b"..2026",
    b".tmp-lithe-0123456789abcdef",
    b".tmpAbC123",
    b"lithe.toml",
    b"deploy.json",
    b"token",
    b"\xff\xfe.wasm",
    b"\xff.html",
    b"a b%2F.txt",
    "\u{e9}.txt".as_bytes(),
    b"a\nb.wasm",
    b"a\\b.wasm",
    b"x",
    b"[bad.wasm",
];

const TARGETS: [&[u8]; 30] = [
    b".",
    b"..",
    b"../..",
    b"../outside",
    b"../../outside",
    b"../../outside/routes",
    b"../../outside/public",
    b"../outside/secret.txt",
    b"../../outside/secret.txt",
    b"O/",
    b"O/routes",
    b"O/secret.txt",
    b"S/",
    b"S/data",
    b"S/routes",
    b"/",
    b"/etc",
    b"/etc/passwd",
    b"/dev/zero",
    b"/dev/stdin",
    b"/proc/self/fd",
    b"routes",
    b"data",
    b"public",
    b"../data",
    b"../public",
    b"x",
    b"x/../../..",
    b"..data",
    b"nowhere",
];

/// What was made.
pub(crate) struct Made {
    pub has_hard_links: bool,
}

impl Made {
    /// Where a file was made that holds this, in the site.
    pub(crate) fn place_of<'b>(&self, content: &'b [u8]) -> Option<&'b Path> {
        let place = content.strip_prefix(MADE.as_bytes())?;
        Some(Path::new(OsStr::from_bytes(place)))
    }
}

/// Makes a site at `root`.
pub(crate) fn site(root: &Path, outside: &Path, program: &[u8]) -> Made {
    fs::create_dir(root).expect("it can be made");
    let mut builder = Builder {
        root,
        outside,
        program,
        folder: PathBuf::new(),
        files: Vec::new(),
        names: 0,
        has_hard_links: false,
    };
    for _ in 0..MAX_STEPS {
        let Some(op) = builder.byte() else { break };
        // What cannot be made is left out.
        let _ = builder.step(op);
    }
    Made { has_hard_links: builder.has_hard_links }
}

struct Builder<'b> {
    root: &'b Path,
    outside: &'b Path,
    program: &'b [u8],
    /// Where names are made: in the site, without links.
    folder: PathBuf,
    /// Files that were made, in the site.
    files: Vec<PathBuf>,
    names: usize,
    has_hard_links: bool,
}

impl Builder<'_> {
    fn step(&mut self, op: u8) -> std::io::Result<()> {
        if self.names > MAX_NAMES {
            return Ok(());
        }
        self.names += 1;
        match op % 14 {
            // A folder, and into it.
            0 | 1 => {
                let name = self.name();
                let path = self.folder.join(name);
                let _ = fs::create_dir(self.root.join(&path));
                if self.root.join(&path).symlink_metadata()?.is_dir() {
                    self.folder = path;
                }
            }
            2 => drop(self.folder.pop()),
            3 => self.folder = PathBuf::new(),
            4 | 5 => {
                let name = self.name();
                let place = self.folder.join(name);
                let content = [MADE.as_bytes(), place.as_os_str().as_bytes()].concat();
                self.write(place, &content)?;
            }
            6 | 7 => {
                let (name, target) = (self.name(), self.target());
                symlink(target, self.root.join(&self.folder).join(name))?;
            }
            8 => {
                let number = usize::from(self.byte().unwrap_or_default());
                let name = self.name();
                if let Some(file) = self.files.get(number % self.files.len().max(1)) {
                    let path = self.root.join(&self.folder).join(name);
                    fs::hard_link(self.root.join(file), path)?;
                    self.has_hard_links = true;
                }
            }
            9 => {
                let path = self.root.join(&self.folder).join(self.name());
                rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU)?;
            }
            // Many, or deep.
            10 => {
                let (count, name) = (self.byte().unwrap_or_default(), self.name());
                let mut path = self.root.join(&self.folder);
                for number in 0..count / 2 {
                    self.names += 1;
                    if count % 2 == 0 {
                        path.push(&name);
                        fs::create_dir(&path)?;
                    } else {
                        let mut name = name.clone();
                        name.push(format!("-{number}.wasm"));
                        fs::write(path.join(name), "one of many")?;
                    }
                }
            }
            11 => self.settings()?,
            12 => self.journal()?,
            _ => {
                let mode = [0o000, 0o444, 0o644, 0o755, 0o4777, 0o1777];
                let mode = mode[usize::from(self.byte().unwrap_or_default()) % mode.len()];
                let path = self.root.join(&self.folder).join(self.name());
                if !path.symlink_metadata()?.is_symlink() {
                    fs::set_permissions(path, Permissions::from_mode(mode))?;
                }
            }
        }
        Ok(())
    }

    /// Settings that grant two folders and a secret.
    fn settings(&mut self) -> std::io::Result<()> {
        let mut path = || quoted(&self.path());
        let (one, two, secret) = (path(), path(), path());
        let settings = format!(
            "[plugin.\"routes/index.wasm\"]\nfolders = {{ \"/one\" = {{ path = {one}, write = true }}, \
             \"/two\" = {{ path = {two} }} }}\nsecrets = {{ TOKEN = {{ file = {secret} }} }}\n"
        );
        let _ = fs::remove_file(self.root.join("lithe.toml"));
        self.write("lithe.toml".into(), settings.as_bytes())
    }

    /// A deploy that was broken off after it was decided. The host's user may be another one's,
    /// too.
    fn journal(&mut self) -> std::io::Result<()> {
        let _ = fs::create_dir(self.root.join(".lithe"));
        let state = self.root.join(".lithe");
        if !state.symlink_metadata()?.is_dir() {
            return Ok(());
        }
        let count = self.byte().unwrap_or_default() % 4;
        let files: Vec<String> = (0..count)
            .map(|_| {
                let (temporary, place) = (self.path(), self.path());
                let content = [MADE.as_bytes(), temporary.as_os_str().as_bytes()].concat();
                let (temporary, place) = (quoted(&temporary), quoted(&place));
                let digest = Digest::of(&content);
                format!("{{\"temporary\":{temporary},\"place\":{place},\"digest\":\"{digest}\"}}")
            })
            .collect();
        let journal = format!("{{\"files\":[{}]}}", files.join(","));
        let _ = fs::remove_file(state.join("deploy.json"));
        self.write(".lithe/deploy.json".into(), journal.as_bytes())
    }

    /// A new file.
    fn write(&mut self, place: PathBuf, content: &[u8]) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        options.open(self.root.join(&place))?.write_all(content)?;
        self.files.push(place);
        Ok(())
    }

    /// As settings and journals name it: a few names, or a target.
    fn path(&mut self) -> PathBuf {
        match self.byte().unwrap_or_default() % 4 {
            0 => self.target().into(),
            count => (0..count).map(|_| self.name()).collect(),
        }
    }

    fn name(&mut self) -> OsString {
        let mut name = self.chosen(&NAMES);
        name.retain(|byte| !matches!(byte, 0 | b'/'));
        match &*name {
            b"" | b"." | b".." => "x".into(),
            name => OsStr::from_bytes(name).to_owned(),
        }
    }

    fn target(&mut self) -> OsString {
        let mut target = self.chosen(&TARGETS);
        target.retain(|byte| *byte != 0);
        let base = match &*target {
            [b'O', b'/', ..] => self.outside,
            [b'S', b'/', ..] => self.root,
            _ => return OsStr::from_bytes(&target).to_owned(),
        };
        base.join(OsStr::from_bytes(&target[2..])).into()
    }

    fn chosen(&mut self, known: &[&[u8]]) -> Vec<u8> {
        match self.byte().unwrap_or_default() {
            number @ 0..128 => known[usize::from(number) % known.len()].to_vec(),
            length => {
                let length = usize::from(length - 128).min(self.program.len());
                let (taken, rest) = self.program.split_at(length);
                self.program = rest;
                taken.to_vec()
            }
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.program.split_first()?;
        self.program = rest;
        Some(*first)
    }
}

/// As TOML and JSON write text, both.
fn quoted(path: &Path) -> String {
    let mut quoted = String::from("\"");
    for c in path.to_string_lossy().chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
