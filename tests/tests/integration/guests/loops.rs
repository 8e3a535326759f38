use lithe_tests::artifacts::LOOPS;
use lithe_tests::conformance::loops::serving;

lithe_tests::conformance!(loops, serving(env!("CARGO_BIN_EXE_lithe-under-test"), LOOPS));
