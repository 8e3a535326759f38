//! The seeds of the fuzz targets `session`, `settings`, `folders` and `admin`, and what comes of
//! changing them at random, through the host's code in this process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lithe_tests::artifacts::{BENCH_ECHO, BENCH_HELLO, CACHE, LOOP};

use crate::many_sockets::Random;

// By path: the fuzz package is outside of the workspace, because it needs a fuzzer's compiler, and
// its targets and these tests use the same modules.
#[path = "../../../host/fuzz/admin/mod.rs"]
mod admin;
#[path = "../../../host/fuzz/folders/mod.rs"]
mod folders;
#[path = "../../../host/fuzz/session/mod.rs"]
mod session;
#[path = "../../../host/fuzz/settings/mod.rs"]
mod settings;

use admin::Admin;
use folders::Folders;
use session::Echoes;
use settings::Settings;

#[test]
fn what_a_client_says_comes_back_before_the_end_whatever_bytes_it_sends() {
    let echoes = Echoes::load(Path::new(BENCH_ECHO), Path::new(LOOP), Path::new(CACHE));
    each_seed("session", 200, |input| echoes.hear(input));
}

#[test]
fn no_settings_make_the_host_panic_or_wait_and_an_error_says_where_it_is() {
    let settings = Settings::new(Path::new(BENCH_ECHO), Path::new(CACHE));
    each_seed("settings", 10, |input| settings.read(input));
}

#[test]
fn nothing_outside_of_a_folder_is_reached_whatever_is_in_it() {
    let folders = Folders::default();
    each_seed("folders", 5, |input| folders.look(input));
}

#[test]
fn nothing_changes_without_the_token_whatever_bytes_the_admin_hears() {
    let admin = Admin::start(Path::new(BENCH_HELLO), Path::new(CACHE));
    each_seed("admin", 3, |input| admin.hear(input));
}

/// Runs the seeds of a target, and so many variants of each.
fn each_seed(target: &str, variants: u64, run: impl Fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/fuzz/seeds").join(target);
    let (mut count, mut failed) = (0, Vec::new());
    for entry in std::fs::read_dir(seeds).expect("there are seeds") {
        let path = entry.expect("the folder can be read").path();
        let seed = std::fs::read(&path).expect("the file can be read");
        let inputs = (0..variants).map(|number| changed(&seed, &mut Random::new(number)));
        for (number, input) in std::iter::once(seed.clone()).chain(inputs).enumerate() {
            if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
                let input = input.escape_ascii();
                failed.push(format!("{}, variant {number}: {input}", path.display()));
            }
        }
        count += 1;
    }
    assert!(count > 10, "only {count} seeds");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The same with a few bytes changed, left out or said twice.
pub(crate) fn changed(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.within(1..6) {
        if bytes.is_empty() {
            break;
        }
        let at = random.within(0..bytes.len());
        let end = random.within(at..bytes.len().min(at + 20) + 1);
        match random.within(0..4) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.within(0..8),
            2 => bytes.extend_from_within(at..end),
            _ if end - at < bytes.len() => drop(bytes.drain(at..end)),
            _ => {}
        }
    }
    bytes
}
