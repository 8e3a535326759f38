use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

/// A site in a folder of its own, beside somebody else's secret.
struct Site(TempDir);

impl Site {
    fn new(files: &[&str]) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        fs::write(site.0.path().join("secret"), "secret").unwrap();
        fs::create_dir(site.0.path().join("site")).unwrap();
        for file in files {
            site.write(file);
        }
        site
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join("site").join(file)
    }

    fn write(&self, file: &str) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), file).unwrap();
    }

    fn link(&self, target: impl AsRef<Path>, link: &str) {
        symlink(target, self.path(link)).unwrap();
    }

    fn read_within(&self, bounds: IndexBounds) -> Reading {
        Index::read(&Folder::open(&self.path("")).unwrap(), bounds).unwrap()
    }

    /// The paths of what is served, and the log's text about the rest.
    fn read(&self) -> (Vec<String>, String) {
        let read = self.read_within(IndexBounds::default());
        (paths(&read), read.left_out.unwrap_or_default())
    }
}

fn paths(read: &Reading) -> Vec<String> {
    let assets = read.index.iter().flat_map(|index| &index.assets);
    let files = assets.filter(|(_, asset)| matches!(asset, Asset::File(_)));
    let mut paths: Vec<String> = files.map(|(path, _)| path.to_string()).collect();
    paths.sort();
    paths
}

#[test]
fn files_are_known_with_their_pages_types_and_encodings() {
    let site = Site::new(&[
        "public/index.html",
        "public/a.js",
        "public/a.js.br",
        "public/docs/index.html",
        "public/docs/index.html.gz",
        "public/docs/é & b.css",
        "public/none.xyz-unknown",
    ]);
    let index = site.read_within(IndexBounds::default()).index.unwrap();
    let show = |path| match index.find(path) {
        Some(Asset::File(file)) => ("file", file.clone()),
        Some(Asset::Page(file)) => ("page", file.clone()),
        None => panic!("{path}"),
    };
    assert_eq!((show("/").0, show("/").1.source()), ("page", "index.html"));
    assert_eq!((show("/docs").0, show("/docs").1.source()), ("page", "docs/index.html"));
    assert_eq!(show("/docs").1.encoded(Encoding::Gzip), Some("docs/index.html.gz"));
    let script = show("/a.js").1;
    assert_eq!(script.content_type, Some("text/javascript; charset=utf-8"));
    assert_eq!(script.encoded(Encoding::Br), Some("a.js.br"));
    assert_eq!(script.encoded(Encoding::Gzip), None);
    assert_eq!(show("/docs/é & b.css").1.content_type, Some("text/css"));
    assert_eq!(show("/none.xyz-unknown").1.content_type, None);
    for path in ["", "/docs/", "docs", "/A.js", "/docs/none", "//a.js"] {
        assert!(index.find(path).is_none(), "{path}");
    }
}

#[test]
fn what_is_in_memory_is_enough_to_know_that_a_path_is_no_file() {
    let site = Site::new(&["public/a.txt"]);
    let index = site.read_within(IndexBounds::default()).index.unwrap();
    // From here on the disk cannot be asked.
    fs::remove_dir_all(site.path("public")).unwrap();
    assert!(index.find("/a.txt").is_some());
    assert!(index.find("/b.txt").is_none());
}

#[test]
fn a_site_without_public_has_nothing_to_say_of_it() {
    assert_eq!(Site::new(&["routes/a.wasm"]).read(), (vec![], String::new()));
}

#[test]
fn names_that_begin_with_a_dot_are_not_served_apart_from_well_known() {
    let site = Site::new(&[
        "public/.env",
        "public/.git/config",
        "public/a/.htpasswd",
        "public/..data",
        "public/.well-known/acme-challenge/x",
        "public/.well-known/.env",
    ]);
    assert_eq!(site.read(), (vec!["/.well-known/acme-challenge/x".to_owned()], String::new()));
}

#[test]
fn links_are_followed_inside_public_and_nowhere_else() {
    let site = Site::new(&["public/a/file", "public/..v1/now", "public/b/other", "lithe.toml"]);
    for (target, link) in [
        ("a/file", "public/to-file"),
        ("a", "public/to-folder"),
        ("../b/other", "public/a/beside"),
        ("..v1/now", "public/now"),
        ("../../secret", "public/out"),
        ("../lithe.toml", "public/settings"),
        ("..", "public/parent"),
        ("../../site/public/a/file", "public/around"),
        ("/etc", "public/etc"),
        ("none", "public/dangling"),
    ] {
        site.link(target, link);
    }
    // A link with an absolute path may still lead into the folder.
    site.link(site.path("public/a"), "public/absolute");
    site.link(site.path("public/a/file"), "public/b/absolute-file");
    site.link(site.path("lithe.toml"), "public/absolute-out");
    let (served, said) = site.read();
    let expected = [
        "/a/beside",
        "/a/file",
        "/absolute/beside",
        "/absolute/file",
        "/b/absolute-file",
        "/b/other",
        "/now",
        "/to-file",
        "/to-folder/beside",
        "/to-folder/file",
    ];
    assert_eq!(served, expected);
    assert!(said.contains("a link leads out of it (`/") && said.contains(" and 5 more)"), "{said}");
}

#[test]
fn links_in_a_circle_end() {
    let site = Site::new(&["public/a/file"]);
    for link in ["public/x", "public/y", "public/a/z"] {
        site.link(".", link);
    }
    site.link("..", "public/a/up");
    site.link("self", "public/self");
    let (served, said) = site.read();
    assert_eq!(served, ["/a/file"]);
    assert!(said.contains("a link leads to a folder that it is in (`/x` and 3 more)"), "{said}");
}

#[test]
fn many_ways_to_one_folder_end_at_the_bound() {
    let site = Site::new(&["public/0/file"]);
    // Two ways from each to the next: 2^20 ways to the last.
    for at in 1..=20 {
        fs::create_dir(site.path(&format!("public/{at}"))).unwrap();
        for link in ["x", "y"] {
            site.link(format!("../{}", at - 1), &format!("public/{at}/{link}"));
        }
    }
    let read = site.read_within(IndexBounds { names: 2_000, ..IndexBounds::default() });
    assert!(paths(&read).len() < 2_000);
    assert!(read.left_out.unwrap().contains("over 2000 names"));
}

#[test]
fn each_bound_is_said_and_takes_what_is_far_down() {
    let site = Site::new(&["public/top", "public/a/b/c/deep"]);
    for (bounds, served, said) in [
        (IndexBounds { depth: 4, ..IndexBounds::default() }, 2, None),
        (
            IndexBounds { depth: 3, ..IndexBounds::default() },
            1,
            Some("over 3 folders deep (`/a/b/c`)"),
        ),
        (IndexBounds { names: 5, ..IndexBounds::default() }, 2, None),
        (IndexBounds { names: 4, ..IndexBounds::default() }, 1, Some("over 4 names")),
        (IndexBounds { text: 12, ..IndexBounds::default() }, 1, Some("over 12 B of them")),
    ] {
        let read = site.read_within(bounds);
        assert_eq!(paths(&read).len(), served, "{bounds:?}");
        match (read.left_out, said) {
            (None, None) => {}
            (Some(left_out), Some(said)) => assert!(left_out.contains(said), "{left_out}"),
            (left_out, _) => panic!("{bounds:?}: {left_out:?}"),
        }
    }
}

#[test]
fn only_regular_files_are_served() {
    let site = Site::new(&["public/a"]);
    mknodat(CWD, site.path("public/pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = UnixListener::bind(site.path("public/socket")).unwrap();
    site.link("pipe", "public/link");
    let name = OsStr::from_bytes(b"public/\xff.html");
    fs::write(site.path("").join(name), "").unwrap();
    let (served, said) = site.read();
    assert_eq!(served, ["/a"]);
    assert!(said.contains("neither a regular file nor a folder (`/"), "{said}");
    assert!(said.contains(" and 2 more)") && said.contains("a name is not UTF-8 (`/"), "{said}");
}

#[test]
fn a_public_that_has_or_is_what_is_not_for_everybody_is_refused() {
    for (target, said) in [
        (".", "it is the site's own folder"),
        ("..", "it leads outside"),
        ("../../", "it leads outside"),
        ("/etc", "it leads outside"),
        ("../site", "it leads outside"),
        ("routes", "it has `routes` inside"),
        ("./routes/../routes", "it has `routes` inside"),
        ("routes/admin", "it is in `routes`"),
        ("plugins", "it has `plugins` inside"),
        ("middleware", "it has `middleware` inside"),
        (".lithe/versions", "it is in `.lithe`"),
        (".lithe", "it has `.lithe` inside"),
        ("mount", "it has `plugins` inside"),
        ("to-site", "it is the site's own folder"),
        ("file", "it is not a folder"),
    ] {
        let site = Site::new(&[
            "file",
            "lithe.toml",
            "routes/admin/a.wasm",
            "middleware/a.wasm",
            ".lithe/versions/v",
            "mount/plugins/a.wasm",
            "mount/page.html",
        ]);
        site.link("mount/plugins", "plugins");
        site.link(".", "to-site");
        site.link(target, "public");
        let (served, refused) = site.read();
        assert!(served.is_empty(), "{target}: {served:?}");
        assert!(refused.starts_with("`public/` is not served: "), "{target}: {refused}");
        assert!(refused.contains(said), "{target}: {refused}");
    }
    let site = Site::new(&["public/a", "public/settings.toml"]);
    site.link("public/settings.toml", "lithe.toml");
    assert!(site.read().1.contains("it has `lithe.toml` inside"));
    let site = Site::new(&["conf/page.html"]);
    site.link(site.path(""), "public");
    assert!(site.read().1.contains("it is the site's own folder"));
}

#[test]
fn a_public_that_is_a_link_to_a_folder_of_its_own_is_served() {
    let site = Site::new(&["dist/web/a", "..data/public/b", "routes/x.wasm"]);
    site.link("dist/web", "public");
    assert_eq!(site.read(), (vec!["/a".to_owned()], String::new()));
    fs::remove_file(site.path("public")).unwrap();
    site.link("..data/public", "public");
    assert_eq!(site.read(), (vec!["/b".to_owned()], String::new()));
    fs::remove_file(site.path("public")).unwrap();
    site.link(site.path("dist"), "public");
    assert_eq!(site.read(), (vec!["/web/a".to_owned()], String::new()));
}
