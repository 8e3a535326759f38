//! Compiled components are kept, checked, and compiled again where they are damaged.

use std::fs;
use std::path::{Path, PathBuf};

use lithe_tests::TestHost;
use lithe_tests::artifacts::BENCH_HELLO;
use tempfile::TempDir;

use crate::host;

const COMPILING: &str = "compiling `routes/hello.wasm`";

async fn start(cache: &Path) -> TestHost {
    let host = host().route("hello", BENCH_HELLO).cache(cache).start().await;
    assert_eq!(host.get("/hello").await.text(), "hello world");
    host
}

/// A cache with one component in it.
async fn filled() -> TempDir {
    let cache = tempfile::tempdir().expect("a temporary folder can be made");
    let host = start(&cache.path().join("made")).await;
    assert!(host.log().contains(COMPILING), "{}", host.log());
    cache
}

fn the_only(cache: &TempDir, extension: &str) -> PathBuf {
    let entries = fs::read_dir(cache.path().join("made")).expect("the cache has been made");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it is readable").path()).collect();
    files.retain(|file| file.extension().is_some_and(|own| own == extension));
    let [file] = &files[..] else { panic!("expected one .{extension}: {files:?}") };
    file.clone()
}

async fn compiles_again(cache: &TempDir) {
    let host = start(&cache.path().join("made")).await;
    host.wait_for_log(&["WARN", "is damaged"]).await;
    host.wait_for_log(&[COMPILING]).await;
    let host = start(&cache.path().join("made")).await;
    assert!(!host.log().contains(COMPILING), "{}", host.log());
}

#[tokio::test]
async fn a_second_start_compiles_nothing() {
    let cache = filled().await;
    let host = start(&cache.path().join("made")).await;
    assert!(!host.log().contains(COMPILING), "{}", host.log());
}

#[tokio::test]
async fn a_damaged_artifact_is_compiled_again() {
    let cache = filled().await;
    let file = the_only(&cache, "cwasm");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    fs::write(&file, bytes).unwrap();
    compiles_again(&cache).await;
}

#[tokio::test]
async fn a_truncated_artifact_is_compiled_again() {
    for length in [0, 1_000] {
        let cache = filled().await;
        let file = fs::File::options().write(true).open(the_only(&cache, "cwasm")).unwrap();
        file.set_len(length).unwrap();
        compiles_again(&cache).await;
    }
}

#[tokio::test]
async fn an_artifact_whose_checksum_is_damaged_is_compiled_again() {
    let cache = filled().await;
    fs::write(the_only(&cache, "sha256"), "0000").unwrap();
    compiles_again(&cache).await;
}

#[tokio::test]
async fn an_artifact_without_its_checksum_is_compiled_again() {
    let cache = filled().await;
    fs::remove_file(the_only(&cache, "sha256")).unwrap();
    compiles_again(&cache).await;
}

#[tokio::test]
async fn a_cache_that_cannot_be_made_is_said() {
    let refusal = host().route("a", BENCH_HELLO).cache(Path::new("/dev/null/cache")).end().await;
    refusal.says(&["`/dev/null/cache`", "`--cache`"]);
}

#[tokio::test]
async fn a_cache_that_others_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let cache = tempfile::tempdir().expect("a temporary folder can be made");
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(cache.path(), open).expect("it is ours");
    let refused = host().route("hello", BENCH_HELLO).cache(cache.path()).end().await;
    refused.says(&["others may write to the cache folder", "`chmod go-w`"]);
}
