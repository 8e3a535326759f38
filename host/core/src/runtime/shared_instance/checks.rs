//! The queue and its hand-over, in many orders of the tasks that take part: `tests/README.md` says
//! how to run this.

pub(crate) mod model;
mod told;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::poll;
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};

use super::SocketHandle;
use crate::capability::event::Request;
use crate::capability::socket::{CloseInfo, Socket};
use crate::config::Scope;
use crate::runtime::instance_set::{Handover, InstanceSet};
use crate::sync::explore;
use model::{Exports, Model, Plugin, TRAP, in_room, message};

/// Of each check. All of them take less than a minute.
const ORDERS: usize = 4_000;

/// The room of checks that need only one.
const ROOM: &str = "room";

const BATCH: Exports = Exports { batch: true, state: false };
const STATE: Exports = Exports { batch: true, state: true };

fn in_a_minute() -> Instant {
    crate::clock::after(Instant::now(), Duration::from_secs(60))
}

/// What a session does, without its frames: one delivery after the other.
async fn session(socket: Arc<Socket>, handle: SocketHandle<Model>, texts: &[&str]) {
    handle.open().await;
    delivered(&socket).await;
    for text in texts {
        handle.receive(&mut message(&socket, text)).await;
        delivered(&socket).await;
    }
    handle.close(CloseInfo::lost()).await;
}

/// As `Bridge::delivered`.
async fn delivered(socket: &Socket) {
    poll_fn(|cx| {
        socket.register(cx.waker());
        match socket.await_delivery() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    })
    .await;
}

/// Runs a check in many orders of its tasks.
fn check<F: Future<Output = ()> + 'static>(check: impl Fn() -> F + Send + Sync + Clone + 'static) {
    explore(ORDERS, move || block_on(check()));
}

/// Waits for tasks.
async fn ended(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

/// Begins a session of a socket that is accepted now.
async fn begin(
    plugin: &Plugin,
    instances: &InstanceSet<Model>,
    texts: &'static [&'static str],
) -> (u32, JoinHandle<()>) {
    let (socket, handle) = plugin.accept(instances, ROOM).await;
    (socket.id, spawn(session(socket, handle, texts)))
}

/// A request that becomes no socket.
fn request(instances: &Arc<InstanceSet<Model>>) -> JoinHandle<()> {
    let instances = instances.clone();
    spawn(async move {
        let request = Arc::new(Request { path: "/".into(), ..Request::sample() });
        instances.handle(request).await.unwrap().0.unwrap();
    })
}

fn begun(plugin: &Plugin, exports: Exports) -> Arc<InstanceSet<Model>> {
    let instances = plugin.version(exports);
    plugin.current.set(Some(instances.clone()));
    instances
}

/// How many messages the instance of a room remembers.
async fn remembered(instances: &InstanceSet<Model>, room: &str) -> Option<Vec<u8>> {
    let shared = instances.for_request(&in_room(room)).unwrap();
    let mut paused = shared.pause().await.unwrap();
    paused.save().await.unwrap()
}

#[test]
fn sockets_that_share_an_instance_are_heard_once_and_in_order() {
    for exports in [BATCH, Exports::default()] {
        check(move || async move {
            let plugin = Plugin::default();
            let instances = begun(&plugin, exports);
            let (one, first) = begin(&plugin, &instances, &["0", "1"]).await;
            let (other, second) = begin(&plugin, &instances, &["0", "1", "2"]).await;
            let third = request(&instances);
            ended([first, second, third]).await;
            assert_eq!(plugin.heard(one).await, ["0", "1"]);
            assert_eq!(plugin.heard(other).await, ["0", "1", "2"]);
        });
    }
}

#[test]
fn a_swap_with_state_loses_and_doubles_no_message() {
    check(async || {
        let plugin = Plugin::default();
        let (before, after) = (begun(&plugin, STATE), plugin.version(STATE));
        let (one, first) = begin(&plugin, &before, &["0", "1"]).await;
        let (other, second) = begin(&plugin, &before, &["0", "1"]).await;
        let third = request(&before);
        let mut paused = before.pause().await.unwrap();
        paused.hand_over(&after, Handover::Whole, in_a_minute()).await.unwrap();
        plugin.current.set(Some(after.clone()));
        paused.retire();
        ended([first, second, third]).await;
        assert_eq!(plugin.heard(one).await, ["0", "1"]);
        assert_eq!(plugin.heard(other).await, ["0", "1"]);
        assert_eq!(remembered(&after, ROOM).await, Some(vec![4]));
    });
}

#[test]
fn an_instance_that_begins_while_all_are_held_is_handed_over_as_they_are() {
    check(async || {
        let mut plugin = Plugin::default();
        plugin.scope = Scope::Param("room".to_owned());
        let (before, after) = (begun(&plugin, STATE), plugin.version(STATE));
        let plugin = Arc::new(plugin);
        let (one, first) = begin(&plugin, &before, &["0", "1"]).await;
        let (own, found) = (plugin.clone(), before.clone());
        let second = spawn(async move {
            let (socket, handle) = own.accept(&found, "another").await;
            session(socket.clone(), handle, &["0"]).await;
            socket.id
        });
        let mut paused = before.pause().await.unwrap();
        paused.hand_over(&after, Handover::Whole, in_a_minute()).await.unwrap();
        plugin.current.set(Some(after.clone()));
        paused.retire();
        first.await.unwrap();
        let other = second.await.unwrap();
        assert_eq!(plugin.heard(one).await, ["0", "1"]);
        assert_eq!(plugin.heard(other).await, ["0"]);
        assert_eq!(remembered(&after, ROOM).await, Some(vec![2]));
        assert_eq!(remembered(&after, "another").await, Some(vec![1]));
    });
}

#[test]
fn a_swap_that_is_given_up_leaves_all_as_it_was() {
    check(async || {
        let plugin = Plugin::default();
        let instances = begun(&plugin, STATE);
        let (one, first) = begin(&plugin, &instances, &["0", "1"]).await;
        let (other, second) = begin(&plugin, &instances, &["0"]).await;
        drop(instances.pause().await.unwrap());
        // And one whose turn has not come.
        let _ = poll!(pin!(instances.pause()));
        ended([first, second]).await;
        assert_eq!(plugin.heard(one).await, ["0", "1"]);
        assert_eq!(plugin.heard(other).await, ["0"]);
        assert_eq!(remembered(&instances, ROOM).await, Some(vec![3]));
    });
}

#[test]
fn sockets_move_between_two_of_their_events() {
    check(async || {
        let plugin = Plugin::default();
        let (before, between) = (begun(&plugin, BATCH), plugin.version(BATCH));
        let (one, first) = begin(&plugin, &before, &["0", "1"]).await;
        let (other, second) = begin(&plugin, &before, &["0", "1"]).await;
        plugin.current.set(Some(between.clone()));
        before.retire().await;
        let after = begun(&plugin, Exports::default());
        between.retire().await;
        let third = request(&after);
        ended([first, second, third]).await;
        assert_eq!(plugin.heard(one).await, ["0", "1"]);
        assert_eq!(plugin.heard(other).await, ["0", "1"]);
    });
}

#[test]
fn a_task_that_goes_away_while_it_gathers_leaves_nobody_waiting() {
    check(async || {
        let plugin = Plugin::default();
        let instances = begun(&plugin, BATCH);
        let (socket, handle) = plugin.accept(&instances, ROOM).await;
        let one = socket.id;
        let first = spawn(async move {
            handle.open().await;
            delivered(&socket).await;
            let _ = poll!(pin!(handle.receive(&mut message(&socket, "0"))));
            delivered(&socket).await;
            handle.close(CloseInfo::lost()).await;
        });
        let (other, second) = begin(&plugin, &instances, &["0", "1"]).await;
        ended([first, second]).await;
        assert_eq!(plugin.heard(one).await, ["0"]);
        assert_eq!(plugin.heard(other).await, ["0", "1"]);
    });
}

#[test]
fn a_socket_whose_client_has_gone_before_the_101_hears_of_its_end() {
    check(async || {
        let plugin = Plugin::default();
        let instances = begun(&plugin, BATCH);
        let (one, first) = begin(&plugin, &instances, &["0", "1"]).await;
        let own = instances.clone();
        let second = spawn(async move {
            let mut gone = pin!(own.handle(Arc::new(Request::sample())));
            for _ in 0..3 {
                if let Poll::Ready(handled) = poll!(&mut gone) {
                    let (_, handle) = handled.unwrap();
                    return handle.unwrap().abandon().await;
                }
                yield_now().await;
            }
        });
        ended([first, second]).await;
        assert_eq!(plugin.heard(one).await, ["0", "1"]);
    });
}

#[test]
fn an_instance_that_hibernates_forgets_no_message() {
    check(async || {
        let plugin = Plugin::default();
        let instances = begun(&plugin, STATE);
        let (one, first) = begin(&plugin, &instances, &["0", "1"]).await;
        let own = instances.clone();
        let second = spawn(async move {
            for now in 1..=6 {
                own.sweep(Duration::from_secs(now), Duration::from_secs(1));
                yield_now().await;
            }
        });
        ended([first, second]).await;
        assert_eq!(plugin.heard(one).await, ["0", "1"]);
        assert_eq!(remembered(&instances, ROOM).await, Some(vec![2]));
    });
}

#[test]
fn after_a_trap_the_others_are_heard_by_the_next_instance() {
    check(async || {
        let plugin = Plugin::default();
        let instances = begun(&plugin, BATCH);
        let (one, first) = begin(&plugin, &instances, &["0", TRAP]).await;
        let (other, second) = begin(&plugin, &instances, &["0", "1"]).await;
        ended([first, second]).await;
        assert_eq!(plugin.heard(one).await, ["0"]);
        assert_eq!(plugin.heard(other).await, ["0", "1"]);
    });
}
