//! The seeds of the fuzz target `hostile`, through the host in this process.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lithe_tests::artifacts::{
    BENCH_HELLO, BENCH_PUBLISH, CACHE, INTERPRETER_HOOKS, INTERPRETER_MIDDLEWARE,
    INTERPRETER_ROUTE, INTERPRETER_SESSION,
};

// By path: see `fuzzed.rs`.
#[path = "../../../../host/fuzz/hostile/mod.rs"]
mod guest;
#[path = "../../../../host/fuzz/hostile/seeds.rs"]
mod seeds;

use guest::{Guests, Host};
use seeds::op::Op;
use seeds::{Seed, seeds};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/fuzz/seeds/hostile")
}

#[test]
fn no_guest_of_the_seeds_breaks_the_host_or_reaches_its_neighbour() {
    let interpreters =
        [INTERPRETER_ROUTE, INTERPRETER_HOOKS, INTERPRETER_SESSION, INTERPRETER_MIDDLEWARE];
    let guests = Guests {
        interpreters: interpreters.map(Path::new),
        publish: Path::new(BENCH_PUBLISH),
        hello: Path::new(BENCH_HELLO),
    };
    let host = Host::start(&guests, Path::new(CACHE));
    for entry in fs::read_dir(folder()).expect("there are seeds") {
        let path = entry.expect("the folder can be read").path();
        let seed = fs::read(&path).expect("the file can be read");
        // What is left of a guest would fail those after it, too.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| host.run(&seed))) {
            panic!("{}: {:?}", path.display(), panic.downcast_ref::<String>());
        }
    }
}

#[test]
fn the_seeds_are_those_that_are_written_in_words() {
    if std::env::var_os("LITHE_WRITE_SEEDS").is_some() {
        fs::create_dir_all(folder()).expect("the folder can be made");
        for Seed { name, input, .. } in seeds() {
            fs::write(folder().join(name), input).expect("the file can be written");
        }
    }
    for Seed { name, input, .. } in seeds() {
        let committed = fs::read(folder().join(&name));
        let committed = committed.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(committed, input, "{name}");
    }
    let committed = fs::read_dir(folder()).expect("there are seeds").count();
    assert_eq!(committed, seeds().len(), "each name is there once, and no file without words");
}

#[test]
fn every_operation_is_in_a_seed() {
    let seeds = seeds();
    for op in Op::ALL {
        assert!(seeds.iter().any(|seed| seed.ops.contains(op)), "{op:?}");
    }
}
