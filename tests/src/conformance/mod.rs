//! What the same example promises in whatever language it is written.
//!
//! [`conformance!`](crate::conformance!) makes a test of each promise.

pub mod blocking_loop;
pub mod echo;
pub mod ping;
pub mod room;

/// Makes the tests of one example: which, a future of a host that serves it, and its path.
#[macro_export]
macro_rules! conformance {
    (echo, $host:expr, $path:expr) => {
        $crate::conformance!(@ echo, $host, $path; plain_http_gets_json,
            it_greets_and_then_echoes_text_with_a_prefix, binary_comes_back_as_it_was,
            chat_is_spoken_only_where_it_is_offered, fragments_are_one_message);
    };
    (ping, $host:expr, $path:expr) => {
        $crate::conformance!(@ ping, $host, $path; only_ping_is_answered,
            plain_http_is_told_to_upgrade);
    };
    (blocking_loop, $host:expr, $path:expr) => {
        $crate::conformance!(@ blocking_loop, $host, $path; each_message_comes_back_unchanged,
            plain_http_is_told_to_upgrade);
    };
    (room, $host:expr, $path:expr) => {
        $crate::conformance!(@ room, $host, $path; a_room_hears_what_is_said_in_it_and_nothing_else,
            a_client_that_leaves_or_is_cut_off_is_not_counted, a_name_is_decoded_and_belongs_to_get);
    };
    (@ $example:ident, $host:expr, $path:expr; $($claim:ident),*) => {
        $(
            #[tokio::test]
            async fn $claim() {
                $crate::conformance::$example::$claim(&$host.await, $path).await;
            }
        )*
    };
}
