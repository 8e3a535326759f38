//! Does with files what it is asked for: `?do=WORD`, with `path`, `to`, `n`, and with `folder`,
//! which of its granted folders raw calls begin in. It answers what came of it; an error is
//! answered 403 with the error.
//!
//! | word | does |
//! |---|---|
//! | `read`, `write`, `append`, `resize`, `make`, `remove`, `remove-folder`, `rename`, `copy`, `link` | as its name says; `n` is of bytes |
//! | `names` | how many names the folder has |
//! | `open`, `list`, `stream` | opens `n` files, listings or streams of a file, and keeps them; answers how many, and the error |
//! | `symlink` | a link `path` in the folder, to `to` |
//! | `punch` | writes one byte at `n` |
//! | `sync` | lists the folder `n` times |
//! | `poll` | waits for the same moment `n` times at once |
//! | `random` | asks for `n` random bytes |
//! | `exit` | ends the instance |

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};

use lithe_sdk::{Event, Response, Result};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

/// What is asked for.
struct Asked {
    word: String,
    path: String,
    to: String,
    n: usize,
    folder: usize,
}

/// A handler that does it.
pub fn handle(event: &Event) -> Result<Response> {
    let text = |name: &str| event.query_param_str(name).unwrap_or_default();
    let number = |name: &str| text(name).parse().unwrap_or_default();
    let asked = Asked {
        word: text("do"),
        path: text("path"),
        to: text("to"),
        n: number("n"),
        folder: number("folder"),
    };
    Ok(match asked.run() {
        Ok(text) => Response::text(text),
        Err(error) => Response::text(error).with_status(403),
    })
}

fn said(error: impl Debug) -> String {
    format!("{error:?}")
}

impl Asked {
    fn run(&self) -> std::result::Result<String, String> {
        let Self { path, to, n, .. } = self;
        let done = |done: io::Result<()>| done.map(|()| "done".to_owned()).map_err(said);
        match self.word.as_str() {
            "read" => fs::read_to_string(path).map_err(said),
            "write" => done(fs::write(path, vec![b'x'; *n])),
            "append" => done(
                OpenOptions::new()
                    .append(true)
                    .open(path)
                    .and_then(|mut file| file.write_all(&vec![b'y'; *n])),
            ),
            "resize" => done(
                OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(*n as u64)),
            ),
            "make" => done(fs::create_dir(path)),
            "remove" => done(fs::remove_file(path)),
            "remove-folder" => done(fs::remove_dir(path)),
            "rename" => done(fs::rename(path, to)),
            "link" => done(fs::hard_link(path, to)),
            "copy" => done(fs::copy(path, to).map(|_| ())),
            "names" => {
                let names = fs::read_dir(path).map_err(said)?;
                Ok(names.filter(std::result::Result::is_ok).count().to_string())
            }
            "open" => Ok(keep(*n, || File::open(path))),
            "" => Ok("nothing was asked for".to_owned()),
            "exit" => std::process::exit(0),
            _ => self.raw(),
        }
    }

    /// Calls that the standard library has no words for.
    fn raw(&self) -> std::result::Result<String, String> {
        let Self { path, to, n, .. } = self;
        let folders = get_directories();
        let (folder, _) = folders.get(self.folder).ok_or("no such folder")?;
        match self.word.as_str() {
            "symlink" => folder.symlink_at(to, path).map(|()| "done".to_owned()).map_err(said),
            "poll" => {
                let moment = wasip2::clocks::monotonic_clock::subscribe_duration(1);
                let ready = wasip2::io::poll::poll(&vec![&moment; *n]);
                Ok(ready.len().to_string())
            }
            "random" => Ok(wasip2::random::random::get_random_bytes(*n as u64).len().to_string()),
            "list" => Ok(keep(*n, || folder.read_directory())),
            "stream" => {
                let file = open(folder, path)?;
                let streams = keep(*n, || file.read_via_stream(0));
                std::mem::forget(file);
                Ok(streams)
            }
            "punch" => open(folder, path)?.write(b"x", *n as u64).map(said).map_err(said),
            "sync" => {
                for _ in 0..*n {
                    let names = folder.read_directory().map_err(said)?;
                    while names.read_directory_entry().map_err(said)?.is_some() {}
                }
                Ok("done".to_owned())
            }
            word => Err(format!("`{word}` is not known")),
        }
    }
}

fn open(folder: &Descriptor, path: &str) -> std::result::Result<Descriptor, String> {
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let opened = folder.open_at(PathFlags::empty(), path, OpenFlags::CREATE, flags);
    opened
        .or_else(|error| match error {
            ErrorCode::NotPermitted => {
                folder.open_at(PathFlags::empty(), path, OpenFlags::empty(), DescriptorFlags::READ)
            }
            error => Err(error),
        })
        .map_err(said)
}

/// Opens up to `n`, and keeps them open for as long as the instance lives.
fn keep<T, E: Debug>(n: usize, open: impl Fn() -> std::result::Result<T, E>) -> String {
    for count in 0..n {
        match open() {
            Ok(opened) => std::mem::forget(opened),
            Err(error) => return format!("{count} {error:?}"),
        }
    }
    n.to_string()
}
