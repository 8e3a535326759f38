//! What the same example promises, whatever language it is written in.
//!
//! [`conformance!`](crate::conformance!) makes a test of each promise.

pub mod app;
pub mod blocking_loop;
pub mod echo;
pub mod loops;
pub mod ping;
pub mod room;

/// Makes the tests of one example. They get a future of a host that serves it, and its path.
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
    (app, $host:expr) => {
        $crate::conformance!(@@ app $host; parameters_have_types,
            queries_have_types,
            cookies_are_read_and_set,
            forms_have_types,
            json_bodies_are_read,
            numbers_are_finite,
            large_json_is_refused_and_costs_no_memory,
            a_handler_may_read_more_json_or_less,
            environment_and_secrets_are_read,
            middleware_leaves_values_for_handlers,
            middleware_of_groups_runs_inside_of_what_is_around,
            a_redirect_says_where,
            an_exception_is_a_500_that_tells_only_the_log,
            error_handlers_answer_what_they_want_to,
            methods_are_told_apart,
            bearer_tokens_are_asked_for,
            names_and_passwords_are_asked_for,
            secrets_of_the_site_guard_routes,
            scripts_of_another_site_are_let_in_by_cors,
            upgrades_from_other_sites_are_refused,
            requests_are_traced,
            events_are_streamed,
            bodies_are_streamed,
            sockets_share_the_memory_of_routes,
            topics_reach_their_members,
            messages_come_in_order_and_as_they_are,
            attachments_have_types,
            timers_go_off,
            a_session_ends_as_it_says,
            each_route_has_hooks_of_its_own,
            plain_requests_to_sockets_are_told_to_upgrade,
            idle_time_and_swaps_lose_no_vote,
            a_save_that_fails_loses_nothing,
            a_socket_whose_route_is_gone_is_failed,
            a_version_that_is_not_well_serves_nothing);
    };
    (loops, $host:expr) => {
        $crate::conformance!(@@ loops $host; routes_answer_and_middleware_runs_around_them,
            each_route_has_a_session_of_its_own,
            sessions_share_no_memory,
            a_session_ends_as_it_says,
            plain_requests_go_to_handlers_or_are_told_to_upgrade,
            a_handler_chooses_the_protocol_or_refuses_the_upgrade);
    };
    (@@ $example:ident $host:expr; $($claim:ident),*) => {
        $(
            #[tokio::test]
            async fn $claim() {
                $crate::conformance::$example::$claim(&$host.await).await;
            }
        )*
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
