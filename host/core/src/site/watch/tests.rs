//! What the watcher reports about folders that really change.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;

use super::*;

/// Anything that is reported at all is reported sooner.
const DEADLINE: Duration = Duration::from_secs(30);

/// A folder with a site in it.
fn site() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let site = outer.path().canonicalize().unwrap().join("site");
    put(&site.join("routes/a.wasm"), "a");
    put(&site.join("public/a.txt"), "a");
    (outer, site)
}

/// Writes a file elsewhere and renames it, like many tools.
fn put(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let beside = path.with_extension("new");
    fs::write(&beside, content).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Waits until this path is reported.
async fn tells(watcher: &mut Watcher, path: &Path) -> Vec<PathBuf> {
    let telling = async {
        loop {
            let changed = watcher.next().await.unwrap();
            if changed.iter().any(|own| own == path) {
                return changed;
            }
        }
    };
    let told = tokio::time::timeout(DEADLINE, telling).await;
    told.unwrap_or_else(|_| panic!("`{}` is not told", path.display()))
}

fn watches(watcher: &Watcher) -> usize {
    watcher.looker.lock().watches.count()
}

#[tokio::test]
async fn a_file_that_comes_changes_and_goes_is_told() {
    let (_outer, site) = site();
    let mut watcher = Watcher::new(&site, &[]);
    for file in ["routes/b.wasm", "routes/new/deep/c.wasm", "public/.well-known/x", "lithe.toml"] {
        let path = site.join(file);
        put(&path, "1");
        tells(&mut watcher, &path).await;
        fs::write(&path, "2").unwrap();
        tells(&mut watcher, &path).await;
        fs::remove_file(&path).unwrap();
        tells(&mut watcher, &path).await;
    }
}

#[test]
fn only_what_the_scan_takes_for_a_component_is_waited_for() {
    use std::os::unix::ffi::OsStrExt as _;
    for name in ["a.wasm", "_middleware.wasm", "[id].get.wasm"] {
        assert!(is_component(OsStr::new(name)), "{name}");
    }
    for name in [&b"a.wasm.new"[..], b"a.txt", b".a.wasm", b"\xff.wasm"] {
        assert!(!is_component(OsStr::from_bytes(name)), "{name:?}");
    }
}

#[test]
fn only_an_empty_file_may_be_about_to_be_written() {
    let (outer, site) = site();
    let is_empty = |path: &Path| Mark::of(path).unwrap().is_empty();
    let path = |name: &str| site.join("routes").join(name);
    fs::write(path("empty.wasm"), "").unwrap();
    symlink("empty.wasm", path("link.wasm")).unwrap();
    assert!(is_empty(&path("empty.wasm")) && is_empty(&path("link.wasm")));
    // Nobody writes to these, so other changes need not wait for them.
    let _socket = std::os::unix::net::UnixListener::bind(path("socket.wasm")).unwrap();
    fs::create_dir(path("folder.wasm")).unwrap();
    symlink(outer.path(), path("folder-link.wasm")).unwrap();
    for name in ["socket.wasm", "folder.wasm", "folder-link.wasm", "a.wasm"] {
        assert!(!is_empty(&path(name)), "{name}");
    }
}

#[tokio::test]
async fn a_secret_that_changes_and_a_granted_folder_that_comes_are_told() {
    let (_outer, site) = site();
    let grants = "secrets = { TOKEN = { file = \"secrets/token\" } }\nfolders = { \"/d\" = { path = \"data\" } }";
    put(&site.join("lithe.toml"), &format!("[plugin.\"routes/a.wasm\"]\n{grants}\n"));
    put(&site.join("secrets/token"), "1");
    let mut watcher = Watcher::new(&site, &[]);
    put(&site.join("secrets/token"), "2");
    tells(&mut watcher, &site.join("secrets/token")).await;
    fs::create_dir(site.join("data")).unwrap();
    tells(&mut watcher, &site.join("data")).await;
}

#[tokio::test]
async fn a_change_of_the_same_size_and_time_is_told() {
    let (_outer, site) = site();
    let path = site.join("public/a.txt");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut watcher = Watcher::new(&site, &[]);
    fs::write(&path, "b").unwrap();
    fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    tells(&mut watcher, &path).await;
}

#[tokio::test]
async fn folders_that_are_replaced_are_followed_again_and_again() {
    let (outer, site) = site();
    let mut watcher = Watcher::new(&site, &[]);
    for round in 0..3 {
        let (old, new) = (outer.path().join(format!("old{round}")), outer.path().join("new"));
        put(&new.join("a.wasm"), "a");
        fs::rename(site.join("routes"), &old).unwrap();
        fs::rename(&new, site.join("routes")).unwrap();
        tells(&mut watcher, &site.join("routes/a.wasm")).await;
        put(&site.join("routes/b.wasm"), &round.to_string());
        tells(&mut watcher, &site.join("routes/b.wasm")).await;

        fs::create_dir(&new).unwrap();
        put(&new.join("routes/a.wasm"), "a");
        fs::rename(&site, outer.path().join(format!("site{round}"))).unwrap();
        fs::rename(&new, &site).unwrap();
        tells(&mut watcher, &site.join("routes/a.wasm")).await;
        put(&site.join("routes/c.wasm"), &round.to_string());
        tells(&mut watcher, &site.join("routes/c.wasm")).await;
    }
}

#[tokio::test]
async fn a_link_to_the_site_that_moves_is_followed() {
    let (outer, first) = site();
    let outer = outer.path().canonicalize().unwrap();
    put(&outer.join("second/routes/a.wasm"), "a");
    let current = outer.join("current");
    symlink("site", &current).unwrap();
    let mut watcher = Watcher::new(&current, &[]);
    for release in ["second", "site", "second"] {
        symlink(release, outer.join("next")).unwrap();
        fs::rename(outer.join("next"), &current).unwrap();
        tells(&mut watcher, &current.join("routes/a.wasm")).await;
        put(&outer.join(release).join("routes/b.wasm"), "b");
        tells(&mut watcher, &current.join("routes/b.wasm")).await;
        fs::remove_file(outer.join(release).join("routes/b.wasm")).unwrap();
        tells(&mut watcher, &current.join("routes/b.wasm")).await;
    }
    drop(first);
}

#[tokio::test]
async fn a_link_behind_a_link_that_is_renamed_is_followed() {
    let (_outer, site) = site();
    let routes = site.join("routes");
    let publish = |name: &str, content: &str| {
        fs::create_dir(routes.join(name)).unwrap();
        fs::write(routes.join(name).join("b.wasm"), content).unwrap();
        symlink(name, routes.join("..data_tmp")).unwrap();
        fs::rename(routes.join("..data_tmp"), routes.join("..data")).unwrap();
    };
    publish("..2026_1", "1");
    symlink("..data/b.wasm", routes.join("b.wasm")).unwrap();
    let mut watcher = Watcher::new(&site, &[]);
    publish("..2026_2", "2");
    fs::remove_dir_all(routes.join("..2026_1")).unwrap();
    tells(&mut watcher, &routes.join("b.wasm")).await;
    // No watched folder has an event for this one.
    fs::write(routes.join("..2026_2/b.wasm"), "33").unwrap();
    tells(&mut watcher, &routes.join("b.wasm")).await;
}

#[tokio::test]
async fn what_is_not_served_is_not_watched() {
    let (_outer, site) = site();
    let before = watches(&Watcher::new(&site, &[]));
    for number in 0..50 {
        for folder in [".git/objects", "node_modules", "target", ".lithe", "data", "guests/x"] {
            fs::create_dir_all(site.join(folder).join(number.to_string())).unwrap();
        }
        fs::create_dir_all(site.join(format!("guests/g/node_modules/{number}"))).unwrap();
    }
    symlink("/", site.join("routes/everything")).unwrap();
    symlink(".", site.join("routes/again")).unwrap();
    symlink("..", site.join("public/around")).unwrap();
    let mut watcher = Watcher::new(&site, &[]);
    assert_eq!(watches(&watcher), before);
    let source = Watcher::new(&site, &[site.join("guests/g")]);
    assert_eq!(watches(&source), before + 2, "the source, and the folder that it is in");
    put(&site.join("data/x"), "1");
    put(&site.join("routes/b.wasm"), "1");
    let told = tells(&mut watcher, &site.join("routes/b.wasm")).await;
    assert!(!told.contains(&site.join("data/x")), "{told:?}");
}

#[tokio::test]
async fn beyond_the_bound_of_watches_a_look_finds_changes() {
    let (_outer, site) = site();
    for number in 0..1_100 {
        put(&site.join(format!("public/{number}/x")), "1");
    }
    let mut watcher = Watcher::new(&site, &[]);
    assert!(watches(&watcher) <= 1_024);
    let seen = {
        let mut looker = watcher.looker.lock();
        let trees = looker.trees.clone();
        Seen::of(&trees, &mut looker.watches)
    };
    let folder = |number: usize| site.join(format!("public/{number}"));
    let unwatched = (0..1_100).find(|number| !seen.watched.contains_key(&folder(*number)));
    let path = folder(unwatched.unwrap()).join("x");
    put(&path, "2");
    tells(&mut watcher, &path).await;
}

#[tokio::test]
async fn a_component_that_is_being_written_is_told_when_it_is_closed() {
    let (_outer, site) = site();
    let mut watcher = Watcher::new(&site, &[]);
    let path = site.join("routes/b.wasm");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    let other = site.join("public/b.txt");
    put(&other, "1");
    let early = tokio::time::timeout(Duration::from_secs(2), watcher.next()).await;
    assert!(early.is_err(), "{early:?}");
    drop(file);
    let told = tells(&mut watcher, &path).await;
    assert!(told.contains(&other), "{told:?}");
}

#[tokio::test]
async fn a_component_that_stays_open_holds_others_up_once() {
    let (_outer, site) = site();
    let mut watcher = Watcher::new(&site, &[]);
    let open = site.join("routes/b.wasm");
    let mut file = fs::File::create(&open).unwrap();
    file.write_all(b"half").unwrap();
    tells(&mut watcher, &open).await;
    for number in 0..3 {
        file.write_all(b"more").unwrap();
        let other = site.join(format!("public/{number}"));
        let started = Instant::now();
        put(&other, "1");
        tells(&mut watcher, &other).await;
        assert!(started.elapsed() < MAX_WRITING, "it is waited for again");
    }
    file.write_all(b"the rest").unwrap();
    drop(file);
    tells(&mut watcher, &open).await;
}

#[tokio::test]
async fn a_source_and_its_inputs_elsewhere_are_told() {
    let (outer, site) = site();
    let outer = outer.path().canonicalize().unwrap();
    let (source, input) = (outer.join("source"), outer.join("common/x.h"));
    put(&source.join("main.c"), "1");
    put(&input, "1");
    let mut watcher = Watcher::new(&site, std::slice::from_ref(&source));
    watcher.also([&input]);
    put(&input, "2");
    tells(&mut watcher, &input).await;
    put(&source.join("main.c"), "2");
    tells(&mut watcher, &source.join("main.c")).await;
    put(&input, "3");
    tells(&mut watcher, &input).await;
}

#[tokio::test]
async fn sites_that_come_go_and_are_replaced_are_told() {
    let (outer, one) = site();
    let outer = outer.path().canonicalize().unwrap();
    let sites = outer.join("sites");
    fs::create_dir(&sites).unwrap();
    let mut watcher = Watcher::names(&sites);
    symlink(&one, sites.join("linked")).unwrap();
    tells(&mut watcher, &sites.join("linked")).await;
    // A folder becomes a site by what is made in it.
    let two = sites.join("two");
    fs::create_dir(&two).unwrap();
    tells(&mut watcher, &two).await;
    fs::create_dir(two.join("routes")).unwrap();
    tells(&mut watcher, &two).await;
    put(&outer.join("three/routes/a.wasm"), "a");
    fs::rename(&two, outer.join("gone")).unwrap();
    fs::rename(outer.join("three"), &two).unwrap();
    tells(&mut watcher, &two).await;
    fs::remove_file(sites.join("linked")).unwrap();
    tells(&mut watcher, &sites.join("linked")).await;
}

#[test]
fn what_is_looked_at_has_a_size_in_memory() {
    let (_outer, site) = site();
    // Each path is as long as the system allows: 5,000 of them have 19 MB.
    let folder = crate::files::Folder::open(&site.join("public")).unwrap();
    let mut deep = folder.dir().try_clone().unwrap();
    for _ in 0..14 {
        let name = "d".repeat(250);
        deep.create_dir(&name).unwrap();
        deep = deep.open_dir(&name).unwrap();
    }
    (0..5_000).for_each(|n| drop(deep.create(format!("{n:0200}")).unwrap()));
    let watcher = Watcher::new(&site, &[]);
    let looker = watcher.looker.lock();
    let kept: usize = looker.known.keys().map(|path| path.as_os_str().len()).sum();
    assert!((look::MAX_TEXT..look::MAX_TEXT + 8_192).contains(&kept), "{kept}");
    assert!(looker.has_said);
}
