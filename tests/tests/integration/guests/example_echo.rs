use lithe_tests::artifacts::ECHO;

use crate::host;

lithe_tests::conformance!(echo, host().route("echo", ECHO).start(), "/echo");
