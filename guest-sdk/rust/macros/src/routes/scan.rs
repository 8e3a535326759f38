//! The files of a folder, and the global middleware beside it.

use std::io;
use std::path::{Path, PathBuf};

use super::table::File;

/// The files that are there: paths with `/` between their parts, in name order.
pub(super) struct Found {
    routes_folder: PathBuf,
    middleware_folder: PathBuf,
    pub routes: Vec<String>,
    pub middleware: Vec<String>,
}

impl Found {
    pub(super) fn folder_of(&self, file: &File) -> &Path {
        if file.is_global { &self.middleware_folder } else { &self.routes_folder }
    }
}

/// # Errors
/// The folder cannot be read. `middleware` beside it may be missing.
pub(super) fn scan(folder: &Path) -> io::Result<Found> {
    let mut routes = Vec::new();
    walk(folder, "", &mut routes)?;
    let middleware_folder = folder.with_file_name("middleware");
    let mut middleware = Vec::new();
    if middleware_folder.is_dir() {
        walk(&middleware_folder, "", &mut middleware)?;
        middleware.retain(|path| !path.contains('/') && path != "mod.rs");
    }
    Ok(Found { routes_folder: folder.to_owned(), middleware_folder, routes, middleware })
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if !name.starts_with('_') {
                walk(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}
