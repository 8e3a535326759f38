use std::os::unix::fs::symlink;

use rustix::io::Errno;

use super::*;

const SOME: ByteSize = ByteSize::kib(1);

fn folder() -> (tempfile::TempDir, Folder) {
    let outer = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(outer.path().join("site/below")).unwrap();
    std::fs::write(outer.path().join("secret"), "secret").unwrap();
    std::fs::write(outer.path().join("site/below/file"), "text").unwrap();
    let folder = Folder::open(&outer.path().join("site")).unwrap();
    (outer, folder)
}

#[test]
fn links_are_followed_beneath_the_folder_and_not_out_of_it() {
    let (outer, folder) = folder();
    let site = outer.path().join("site");
    for (target, link) in [
        ("below", "inside"),
        ("..", "parent"),
        ("../secret", "out"),
        ("/etc", "absolute"),
        ("below/../../secret", "around"),
        ("parent", "twice"),
    ] {
        symlink(target, site.join(link)).unwrap();
    }
    assert_eq!(folder.read("inside/file", SOME).unwrap(), b"text");
    for path in
        ["out", "parent/secret", "absolute/hostname", "around", "twice/secret", "../secret", "/etc"]
    {
        let error = folder.read(path, SOME).unwrap_err();
        assert!(matches!(error, FileError::Outside), "{path}: {error:?}");
    }
    for path in ["parent", "absolute", "twice", "..", "/"] {
        assert!(matches!(folder.folder(path), Err(FileError::Outside)), "{path}");
        assert!(!folder.has_folder(path), "{path}");
    }
    assert!(matches!(folder.write("parent/new", b""), Err(FileError::Outside)));
    assert!(matches!(folder.write("absolute/new", b""), Err(FileError::Outside)));
}

#[test]
fn reads_only_regular_files_and_waits_for_none() {
    let (outer, folder) = folder();
    let pipe = outer.path().join("site/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    symlink("pipe", outer.path().join("site/link")).unwrap();
    for path in ["pipe", "link", "below"] {
        let error = folder.read(path, SOME).unwrap_err();
        assert!(matches!(error, FileError::NotAFile), "{path}: {error:?}");
    }
    assert!(matches!(folder.read("none", SOME), Err(FileError::Missing)));
}

#[test]
fn a_socket_is_not_a_file_and_does_not_pass() {
    let (outer, folder) = folder();
    let _socket = std::os::unix::net::UnixListener::bind(outer.path().join("site/socket"));
    let error = folder.read("socket", SOME).unwrap_err();
    assert!(matches!(error, FileError::NotAFile), "{error:?}");
    assert_eq!(folder.kind("socket").unwrap(), EntryKind::Other);
    assert!(!error.is_temporary());
}

#[test]
fn too_many_open_files_say_nothing_about_one() {
    let of = |errno: Errno| FileError::from(io::Error::from(errno)).is_temporary();
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO] {
        assert!(of(errno), "{errno:?}");
    }
    for errno in [Errno::NOENT, Errno::ACCESS, Errno::LOOP, Errno::NAMETOOLONG, Errno::NOTDIR] {
        assert!(!of(errno), "{errno:?}");
    }
    assert!(!FileError::Outside.is_temporary());
}

#[test]
fn an_absolute_link_that_stays_inside_is_told_from_one_that_does_not() {
    let (outer, folder) = folder();
    let site = outer.path().join("site");
    for (target, link) in [
        (site.join("below/file"), "file"),
        (site.clone(), "itself"),
        (outer.path().join("secret"), "out"),
        (PathBuf::from("below"), "relative"),
    ] {
        symlink(target, site.join(link)).unwrap();
    }
    assert_eq!(folder.inward("file").unwrap(), Path::new("below/file"));
    assert_eq!(folder.inward("itself").unwrap(), Path::new("."));
    for link in ["out", "relative", "below", "none"] {
        assert_eq!(folder.inward(link), None, "{link}");
    }
}

#[test]
fn a_file_over_the_bound_is_not_read() {
    let (outer, folder) = folder();
    let endless = std::fs::File::create(outer.path().join("site/endless")).unwrap();
    endless.set_len(1 << 40).unwrap();
    let error = folder.read("endless", SOME).unwrap_err().to_string();
    assert_eq!(error, "it has 1.0 TiB, and may have at most 1.0 KiB");
    assert!(folder.read("below/file", ByteSize::b(3)).is_err());
    assert!(folder.read("below/file", ByteSize::b(4)).is_ok());
}

#[test]
fn entries_say_what_is_behind_a_link() {
    let (outer, folder) = folder();
    let site = outer.path().join("site");
    symlink("below", site.join("a")).unwrap();
    symlink("below/file", site.join("b")).unwrap();
    symlink("..", site.join("c")).unwrap();
    symlink("none", site.join("d")).unwrap();
    let entries = folder.entries().unwrap();
    let found: Vec<_> =
        entries.iter().map(|entry| (entry.name.to_str().unwrap(), entry.kind)).collect();
    let expected = [
        ("a", EntryKind::Folder),
        ("b", EntryKind::File),
        ("below", EntryKind::Folder),
        ("c", EntryKind::Other),
        ("d", EntryKind::Other),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_folder_with_too_many_names_is_not_read() {
    let (outer, folder) = folder();
    std::fs::write(outer.path().join("site/file"), "").unwrap();
    assert_eq!(folder.entries_up_to(2).unwrap().len(), 2);
    assert!(matches!(folder.entries_up_to(1), Err(FileError::TooMany(1))));
}

#[test]
fn writes_a_file_whole_and_leaves_nothing_else() {
    let (outer, folder) = folder();
    folder.write("new/deep/file", b"1").unwrap();
    folder.write("new/deep/file", b"2").unwrap();
    assert_eq!(folder.read("new/deep/file", SOME).unwrap(), b"2");
    let left = std::fs::read_dir(outer.path().join("site/new/deep")).unwrap().count();
    assert_eq!(left, 1);
    // A folder has this name, so a file cannot.
    assert!(folder.write("below", b"x").is_err());
    assert_eq!(folder.entries().unwrap().len(), 2, "no temporary file is left");
}

#[test]
fn a_folder_is_locked_once() {
    let (_outer, folder) = folder();
    let lock = folder.lock().unwrap();
    assert!(lock.is_some());
    assert!(folder.lock().unwrap().is_none());
    drop(lock);
    assert!(folder.lock().unwrap().is_some());
}

#[test]
fn a_folder_stays_the_same_when_its_name_is_taken_over() {
    let (outer, folder) = folder();
    let below = folder.folder("below").unwrap();
    let site = outer.path().join("site");
    std::fs::rename(site.join("below"), site.join("moved")).unwrap();
    symlink("/etc", site.join("below")).unwrap();
    assert_eq!(below.read("file", SOME).unwrap(), b"text");
    assert_eq!(below.identity().unwrap(), folder.folder("moved").unwrap().identity().unwrap());
}
