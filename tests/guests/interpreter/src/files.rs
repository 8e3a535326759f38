//! Calls of `wasi:filesystem`, in the granted folders and with any paths.

use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, NewTimestamp, OpenFlags, PathFlags};

use crate::op::Op;
use crate::program::Program;

/// Files and folders that are kept open: more than the host lets it.
const KEPT: usize = 5_000;

/// Names of a folder, and pieces of a stream, that are read.
const READ: usize = 1_000;

/// What is open: the granted folders first.
#[derive(Default)]
pub struct Files {
    open: Vec<Descriptor>,
}

impl Files {
    /// Makes one call; answers what it answered, in words.
    pub fn step(&mut self, op: Op, program: &mut Program<'_>) -> String {
        if self.open.is_empty() {
            self.open.extend(get_directories().into_iter().map(|(folder, _)| folder));
        }
        let at = usize::from(program.byte());
        if self.open.is_empty() {
            return String::new();
        }
        let at = at % self.open.len();
        if op == Op::FileClose {
            drop(self.open.swap_remove(at));
            return String::new();
        }
        let other = &self.open[usize::from(program.byte()) % self.open.len()];
        let file = &self.open[at];
        match op {
            Op::FileOpen => {
                let (how, rights) = (program.byte(), program.byte());
                let path = program.path();
                let follow = PathFlags::from_bits_truncate(how & 1);
                let how = OpenFlags::from_bits_truncate(how >> 1);
                let rights = DescriptorFlags::from_bits_truncate(rights);
                let opened = file.open_at(follow, &path, how, rights);
                let said = format!("{:?}", opened.as_ref().err());
                if self.open.len() < KEPT {
                    self.open.extend(opened);
                }
                said
            }
            Op::FileRead => format!("{:?}", file.read(program.number(), program.number())),
            Op::FileWrite => {
                let offset = program.number();
                format!("{:?}", file.write(&program.bytes(), offset))
            }
            Op::FileResize => format!("{:?}", file.set_size(program.number())),
            Op::FileList => {
                let names = file.read_directory().map(|names| {
                    let names = std::iter::from_fn(|| names.read_directory_entry().ok()?);
                    names.take(READ).map(|entry| entry.name).collect::<Vec<_>>()
                });
                format!("{names:?}")
            }
            Op::FileMakeFolder => format!("{:?}", file.create_directory_at(&program.path())),
            Op::FileRemove => format!("{:?}", file.unlink_file_at(&program.path())),
            Op::FileRemoveFolder => format!("{:?}", file.remove_directory_at(&program.path())),
            Op::FileRename => {
                let (from, to) = (program.path(), program.path());
                format!("{:?}", file.rename_at(&from, other, &to))
            }
            Op::FileLink => {
                let follow = PathFlags::from_bits_truncate(program.byte());
                let (from, to) = (program.path(), program.path());
                format!("{:?}", file.link_at(follow, &from, other, &to))
            }
            Op::FileSymlink => {
                let (target, link) = (program.path(), program.path());
                format!("{:?}", file.symlink_at(&target, &link))
            }
            Op::FileReadLink => format!("{:?}", file.readlink_at(&program.path())),
            Op::FileStat => {
                let follow = PathFlags::from_bits_truncate(program.byte());
                format!("{:?}", file.stat_at(follow, &program.path()))
            }
            Op::FileTouch => {
                let follow = PathFlags::from_bits_truncate(program.byte());
                let path = program.path();
                let now = NewTimestamp::Now;
                format!("{:?}", file.set_times_at(follow, &path, now, now))
            }
            Op::FileStream => {
                let offset = program.number();
                let written = file.write_via_stream(offset).map(|stream| {
                    let bytes = program.bytes();
                    let mut pieces = bytes.chunks(4096).take(READ);
                    pieces.try_for_each(|piece| stream.blocking_write_and_flush(piece))
                });
                format!("{written:?}")
            }
            _ => String::new(),
        }
    }
}
