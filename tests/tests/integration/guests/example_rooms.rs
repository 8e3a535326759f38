use super::examples;

lithe_tests::conformance!(room, examples().start(), "/rooms");
