//! The seeds of the fuzz target `session`, and what comes of changing them at random, through the session
//! code in this process.

use std::path::Path;

use lithe_tests::artifacts::{BENCH_ECHO, CACHE, LOOP};

use crate::many_sockets::Random;

#[path = "../../../host/fuzz/session/mod.rs"]
mod session;

use session::Echoes;

/// Of each seed.
const VARIANTS: u64 = 200;

#[test]
fn what_a_client_says_comes_back_before_the_end_whatever_bytes_it_sends() {
    let echoes = Echoes::load(Path::new(BENCH_ECHO), Path::new(LOOP), Path::new(CACHE));
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/fuzz/seeds/session");
    let mut count = 0;
    for entry in std::fs::read_dir(seeds).expect("there are seeds") {
        let path = entry.expect("the folder can be read").path();
        let seed = std::fs::read(&path).expect("the file can be read");
        println!("{}", path.display());
        echoes.hear(&seed);
        for number in 0..VARIANTS {
            echoes.hear(&changed(&seed, &mut Random::new(number)));
        }
        count += 1;
    }
    assert!(count > 10, "only {count} seeds");
}

/// The same with a few bytes changed, left out or said twice.
pub fn changed(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.within(1..6) {
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
