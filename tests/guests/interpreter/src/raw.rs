//! Calls below the bindings: any numbers for handles, pointers and lengths.

use std::cell::Cell;

use crate::program::Program;

/// Bytes of the memory that raw arguments may point to.
const SCRATCH: usize = 64 * 1024;

/// Where it is; 0 before it is needed.
fn scratch() -> usize {
    thread_local! {
        static AT: Cell<usize> = const { Cell::new(0) };
    }
    if AT.get() == 0 {
        AT.set(vec![0_u64; SCRATCH / 8].leak().as_ptr() as usize);
    }
    AT.get()
}

fn end_of_memory() -> usize {
    std::arch::wasm32::memory_size(0).saturating_mul(64 * 1024)
}

/// Fills the scratch memory: a list of texts looks like pairs of a pointer and a length.
pub fn fill(program: &mut Program<'_>) {
    let at = scratch();
    let (first, second) = match program.byte() {
        1 => (at, 16),
        2 => (at, SCRATCH),
        3 => (0, 4096),
        4 => (end_of_memory() - 8, 16),
        5 => (end_of_memory(), 0),
        6 => (usize::MAX, usize::MAX),
        7 => (program.u32() as usize, program.u32() as usize),
        _ => (0, 0),
    };
    let words = std::ptr::without_provenance_mut::<usize>(at);
    for index in (0..SCRATCH / 4).step_by(2) {
        // SAFETY: it is our own, leaked, and large enough.
        unsafe {
            words.add(index).write_volatile(first);
            words.add(index + 1).write_volatile(second);
        }
    }
}

fn argument(program: &mut Program<'_>, event: u32, socket: u32) -> u32 {
    match program.byte() {
        1 => event,
        2 => scratch() as u32,
        3 => scratch() as u32 + 1,
        4 => end_of_memory() as u32,
        5 => (end_of_memory() as u32).wrapping_sub(4),
        6 => socket,
        _ => program.u32(),
    }
}

/// Declares functions of the contract as they are in a core module, and calls one of them by a
/// byte.
macro_rules! functions {
    ($($module:literal { $($link:literal $name:ident($($argument:ident),*) $(-> $answer:ty)?;)* })*) => {
        mod imported {
            $(
                #[link(wasm_import_module = $module)]
                unsafe extern "C" {
                    $(
                        #[link_name = $link]
                        pub fn $name($($argument: u32),*) $(-> $answer)?;
                    )*
                }
            )*
        }

        /// Calls a function with raw arguments, and forgets what it answers.
        pub fn call(program: &mut Program<'_>, event: u32, socket: u32) {
            /// In the order of their bytes.
            #[expect(non_camel_case_types)]
            #[derive(Clone, Copy)]
            enum Function {
                $($($name,)*)*
            }
            const ALL: &[Function] = &[$($(Function::$name,)*)*];
            let function = ALL[usize::from(program.byte()) % ALL.len()];
            match function {
                $($(Function::$name => {
                    $(let $argument = argument(program, event, socket);)*
                    // SAFETY: none. The host has to withstand any arguments, and this guest's
                    // memory is nobody else's.
                    unsafe { imported::$name($($argument),*) };
                })*)*
            }
        }
    };
}

functions! {
    "lithe:plugin/event@0.1.0" {
        "[resource-drop]event" event_drop(this);
        "[method]event.id" event_id(this, answer);
        "[method]event.method" event_method(this, answer);
        "[method]event.uri" event_uri(this, answer);
        "[method]event.path" event_path(this, answer);
        "[method]event.query" event_query(this, answer);
        "[method]event.scheme" event_scheme(this, answer);
        "[method]event.authority" event_authority(this, answer);
        "[method]event.headers" event_headers(this, answer);
        "[method]event.header" event_header(this, name, length, answer);
        "[method]event.route" event_route(this, answer);
        "[method]event.params" event_params(this, answer);
        "[method]event.param" event_param(this, name, length, answer);
        "[method]event.client-address" event_client_address(this, answer);
        "[method]event.body" event_body(this, answer);
        "[method]event.local" event_local(this, key, length, answer);
        "[method]event.set-local" event_set_local(this, key, key_length, value, length);
    }
    "lithe:plugin/ws@0.1.0" {
        "is-supported" ws_is_supported() -> u32;
        "is-upgrade-request" ws_is_upgrade_request(event) -> u32;
        "requested-protocols" ws_requested_protocols(event, answer);
        "upgrade" ws_upgrade(
            event, has_protocol, protocol, protocol_length, headers, headers_length, attachment,
            attachment_length, pinned, answer
        );
    }
    "lithe:plugin/streams@0.1.0" {
        "start" streams_start(
            event, status, headers, headers_length, attachment, attachment_length, pinned, answer
        );
    }
    "lithe:plugin/socket@0.1.0" {
        "send" socket_send(socket, kind, message, length, answer);
        "close" socket_close(socket, has_code, code, reason, length, answer);
        "fail" socket_fail(socket, reason, length);
        "terminate" socket_terminate(socket);
        "state" socket_state(socket) -> u32;
        "protocol" socket_protocol(socket, answer);
        "buffered-amount" socket_buffered_amount(socket) -> u32;
        "event-of" socket_event_of(socket, answer);
        "attachment" socket_attachment(socket, answer);
        "set-attachment" socket_set_attachment(socket, value, length, answer);
    }
    "lithe:plugin/topics@0.1.0" {
        "subscribe" topics_subscribe(socket, topic, length, answer);
        "unsubscribe" topics_unsubscribe(socket, topic, length);
        "subscriptions" topics_subscriptions(socket, answer);
        "publish" topics_publish(topic, topic_length, kind, message, length, has_except, except) -> u32;
        "members" topics_members(has_topic, topic, length, answer);
    }
    "lithe:plugin/timers@0.1.0" {
        "set" timers_set(delay, repeat, answer);
        "cancel" timers_cancel(timer);
    }
    "lithe:plugin/receiver@0.1.0" {
        "receive" receiver_receive(socket, has_timeout, timeout, answer);
    }
    "lithe:plugin/next@0.1.0" {
        "run" next_run(event, answer);
    }
    "lithe:plugin/turn@0.1.0" {
        "begin" turn_begin(socket);
    }
    "wasi:io/poll@0.2.0" {
        "[resource-drop]pollable" pollable_drop(this);
        "[method]pollable.block" pollable_block(this);
        "poll" poll(list, length, answer);
    }
}
