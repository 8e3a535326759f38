use lithe_tests::artifacts::CONFORMANCE;
use lithe_tests::conformance::app::serving;

lithe_tests::conformance!(app, serving(env!("CARGO_BIN_EXE_lithe-under-test"), CONFORMANCE));
