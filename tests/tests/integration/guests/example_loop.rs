use lithe_tests::artifacts::LOOP;

use crate::host;

lithe_tests::conformance!(blocking_loop, host().route("loop", LOOP).start(), "/loop");
