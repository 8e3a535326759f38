//! Deploys that are broken off after each of their steps.

use super::*;

const FILES: [&str; 3] = ["plugins/a.wasm", "routes/b.wasm", "routes/c/d.wasm"];

/// A site whose components all have this content.
fn site(content: &str) -> tempfile::TempDir {
    let site = tempfile::tempdir().unwrap();
    for file in FILES {
        let path = site.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    site
}

fn given(content: &str) -> Given {
    FILES.iter().map(|file| ((*file).to_owned(), content.to_owned().into())).collect()
}

/// Ends as a process that is killed: nothing is tidied up.
fn kill(mut staged: Staged) {
    staged.is_decided = true;
}

/// What the next start finds: the content that all components have, and no other file.
fn after_a_start(site: &tempfile::TempDir) -> String {
    recover(site.path()).unwrap();
    clean(site.path());
    let contents = FILES.map(|file| std::fs::read_to_string(site.path().join(file)).unwrap());
    assert!(contents.iter().all(|own| *own == contents[0]), "a mix: {contents:?}");
    for folder in ["plugins", "routes", "routes/c", ".lithe"] {
        for entry in std::fs::read_dir(site.path().join(folder)).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_known = name.ends_with(".wasm") || name == "c";
            assert!(is_known && !name.starts_with('.'), "`{folder}/{name}` is left");
        }
    }
    contents[0].clone()
}

#[test]
fn a_deploy_takes_its_places() {
    let site = site("1");
    let mut staged = Staged::write(site.path(), &given("2")).unwrap();
    staged.decide().unwrap();
    staged.put_in_place().unwrap();
    assert_eq!(after_a_start(&site), "2");
}

#[test]
fn killed_before_the_decision_the_version_before_is_there() {
    let site = site("1");
    kill(Staged::write(site.path(), &given("2")).unwrap());
    assert_eq!(after_a_start(&site), "1");
}

#[test]
fn killed_while_it_writes_the_version_before_is_there() {
    for written in 0..FILES.len() {
        let site = site("1");
        let some = given("2").into_iter().take(written).collect();
        kill(Staged::write(site.path(), &some).unwrap());
        assert_eq!(after_a_start(&site), "1", "{written}");
    }
}

#[test]
fn killed_after_the_decision_the_new_version_is_there_after_any_rename() {
    for renamed in 0..=FILES.len() {
        let site = site("1");
        let mut staged = Staged::write(site.path(), &given("2")).unwrap();
        staged.decide().unwrap();
        for file in staged.journal.files.iter().take(renamed) {
            staged.site.rename(&file.temporary, &file.place).unwrap();
        }
        kill(staged);
        assert_eq!(after_a_start(&site), "2", "{renamed}");
    }
}

#[test]
fn killed_while_it_recovers_the_next_start_does_the_rest() {
    let site = site("1");
    let mut staged = Staged::write(site.path(), &given("2")).unwrap();
    staged.decide().unwrap();
    kill(staged);
    let (folder, state) = folders(site.path()).unwrap();
    let text = state.read(JOURNAL, MAX_JOURNAL).unwrap();
    let journal: Journal = serde_json::from_slice(&text).unwrap();
    journal.complete(&folder, &state).unwrap();
    state.write(JOURNAL, &text).unwrap();
    assert_eq!(after_a_start(&site), "2");
}

#[test]
fn what_is_withdrawn_or_never_decided_leaves_nothing() {
    let site = site("1");
    drop(Staged::write(site.path(), &given("2")).unwrap());
    assert_eq!(after_a_start(&site), "1");
    let mut staged = Staged::write(site.path(), &given("2")).unwrap();
    staged.decide().unwrap();
    staged.withdraw().unwrap();
    assert_eq!(after_a_start(&site), "1");
}

#[test]
fn a_journal_that_is_not_the_hosts_moves_nothing() {
    let digest = Digest::of(b"x").to_string();
    let entry = |temporary: &str, place: &str| {
        format!(
            r#"{{"files":[{{"temporary":"{temporary}","place":"{place}","digest":"{digest}"}}]}}"#
        )
    };
    for text in [
        "{".to_owned(),
        entry("routes/.tmp-lithe-1", "lithe.toml"),
        entry("../victim", "routes/b.wasm"),
        entry("routes/c/d.wasm", "routes/b.wasm"),
        entry("routes/.tmp-lithe-none", "routes/b.wasm"),
    ] {
        let site = site("1");
        std::fs::create_dir(site.path().join(".lithe")).unwrap();
        std::fs::write(site.path().join(".lithe").join(JOURNAL), &text).unwrap();
        std::fs::write(site.path().join("routes/.tmp-lithe-1"), "x").unwrap();
        assert_eq!(after_a_start(&site), "1", "{text}");
        assert!(!site.path().join("lithe.toml").exists());
    }
}

#[test]
fn leftovers_go_and_other_files_stay() {
    let site = site("1");
    std::fs::create_dir(site.path().join(".lithe")).unwrap();
    std::fs::create_dir(site.path().join("guests")).unwrap();
    for file in ["routes/.tmpAbC123", "routes/c/.tmp-lithe-00", "plugins/.tmp-lithe-1"] {
        std::fs::write(site.path().join(file), "x").unwrap();
    }
    let others = ["guests/.tmpAbC123", "routes/.tmp", "routes/.tmpfile", "routes/tmpAbC123"];
    for file in others {
        std::fs::write(site.path().join(file), "x").unwrap();
    }
    clean(site.path());
    for file in others {
        std::fs::remove_file(site.path().join(file)).unwrap();
    }
    assert_eq!(after_a_start(&site), "1");
}

#[test]
fn a_file_that_cannot_be_is_refused_and_leaves_nothing() {
    let long = format!("routes/{}.wasm", "x".repeat(300));
    for place in [&*long, "routes/a\0b.wasm", "routes/c", "routes/b.wasm/e.wasm", "link/e.wasm"] {
        let site = site("1");
        std::os::unix::fs::symlink("nowhere", site.path().join("link")).unwrap();
        check(site.path(), &given("2")).unwrap();
        let mut given = given("2");
        given.insert(place.to_owned(), "2".into());
        assert!(check(site.path(), &given).is_err(), "{place}");
        assert!(Staged::write(site.path(), &given).is_err(), "{place}");
        assert_eq!(after_a_start(&site), "1", "{place}");
    }
}

#[test]
fn a_file_in_another_of_the_same_deploy_is_refused_and_leaves_nothing() {
    let site = site("1");
    let mut given = given("2");
    for place in ["routes/new.wasm", "routes/new.wasm.wasm", "routes/new.wasm/in.wasm"] {
        given.insert(place.to_owned(), "2".into());
    }
    let error = Staged::write(site.path(), &given).err().unwrap().to_string();
    assert!(error.contains("`routes/new.wasm/in.wasm` would be in `routes/new.wasm`"), "{error}");
    assert_eq!(check(site.path(), &given).unwrap_err().to_string(), error);
    assert_eq!(after_a_start(&site), "1");
    assert!(!site.path().join("routes/new.wasm").exists());
    given.remove("routes/new.wasm/in.wasm");
    assert!(Staged::write(site.path(), &given).is_ok());
}

#[test]
fn nothing_is_written_out_of_the_site() {
    for link in ["routes", ".lithe"] {
        let outer = tempfile::tempdir().unwrap();
        let (site, victim) = (outer.path().join("site"), outer.path().join("victim"));
        std::fs::create_dir(&site).unwrap();
        std::fs::create_dir(&victim).unwrap();
        std::fs::write(victim.join("b.wasm"), "victim's").unwrap();
        std::fs::write(victim.join(".tmp-lithe-1"), "victim's").unwrap();
        std::os::unix::fs::symlink("../victim", site.join(link)).unwrap();
        let error = Staged::write(&site, &given("2")).err().unwrap();
        assert!(format!("{error:#}").contains("leads outside"), "{error:#}");
        let error = check(&site, &given("2")).unwrap_err();
        assert!(format!("{error:#}").contains("leads outside"), "{error:#}");
        recover(&site).unwrap();
        clean(&site);
        assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 2);
        assert_eq!(std::fs::read_to_string(victim.join("b.wasm")).unwrap(), "victim's");
    }
}

#[test]
fn what_another_host_is_deploying_is_not_left_over() {
    let site = site("1");
    let mut staged = Staged::write(site.path(), &given("2")).unwrap();
    clean(site.path());
    staged.decide().unwrap();
    staged.put_in_place().unwrap();
    assert_eq!(after_a_start(&site), "2");
}

#[test]
fn a_journal_that_names_more_than_a_deploy_may_have_is_not_read_through() {
    let site = site("1");
    let temporary = format!("routes/{TEMPORARY}0");
    let journal = |files: usize, size: u64, digest: Digest| {
        let staged = std::fs::File::create(site.path().join(&temporary)).unwrap();
        staged.set_len(size).unwrap();
        let own = || Staging {
            temporary: temporary.clone().into(),
            place: "routes/b.wasm".into(),
            digest,
        };
        Journal { files: std::iter::repeat_with(own).take(files).collect() }
    };
    let folder = Folder::open(site.path()).unwrap();
    let zeros = Digest::of(&vec![0; 1 << 20]);
    assert!(journal(3, 1 << 20, zeros).is_whole(&folder));
    assert!(!journal(scan::MAX_COMPONENTS + 1, 0, Digest::of(b"")).is_whole(&folder));
    // Read once, it would be whole; read by all, it comes to more than a deploy may have.
    assert!(!journal(3, MAX_DEPLOY.as_u64() / 2 + 1, zeros).is_whole(&folder));
    assert!(!journal(1, 1 << 40, zeros).is_whole(&folder), "it has no such size in memory");
}

#[test]
fn a_deploy_has_a_size() {
    let site = site("1");
    let large = bytes::Bytes::from(vec![0; 64 << 20]);
    let given = (0..17).map(|n| (format!("routes/{n}.wasm"), large.clone())).collect();
    let error = Staged::write(site.path(), &given).err().unwrap().to_string();
    assert!(error.contains("at most 1.0 GiB"), "{error}");
    assert_eq!(check(site.path(), &given).unwrap_err().to_string(), error);
    assert_eq!(after_a_start(&site), "1");
}
