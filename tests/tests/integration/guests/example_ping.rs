use lithe_tests::artifacts::PING;

use crate::host;

lithe_tests::conformance!(ping, host().route("ping", PING).start(), "/ping");
