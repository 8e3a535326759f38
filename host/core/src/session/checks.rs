//! The bytes of a socket, which are written by its session's task and by the tasks that run its
//! guest: `tests/README.md` says how to run this.

mod network;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use shuttle::future::{JoinHandle, block_on, spawn};

use super::bridge::Bridge;
use super::wire::Wire as _;
use super::{SessionLimits, run_shared};
use crate::capability::socket::Socket;
use crate::config::{self, OutboundPolicy};
use crate::message::Opcode;
use crate::runtime::model::{Exports, Model, Plugin};
use crate::runtime::{InstanceSet, SocketHandle};
use crate::sync::explore;
use network::Network;

/// Of each check. All of them take less than a minute.
const ORDERS: usize = 2_000;

const EXPORTS: Exports = Exports { batch: true, state: false };

/// The first byte of a text frame and of a close frame.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// A plugin, and the instances that serve it.
fn begun(limits: config::Limits) -> (Plugin, Arc<InstanceSet<Model>>) {
    let mut plugin = Plugin::default();
    plugin.limits = limits;
    let instances = plugin.version(EXPORTS);
    plugin.current.set(Some(instances.clone()));
    (plugin, instances)
}

/// The session of a socket that is accepted now, and the client's side of its connection.
async fn begin(
    plugin: &Plugin,
    instances: &InstanceSet<Model>,
) -> (Arc<Socket>, Network, JoinHandle<()>) {
    let network = Network::default();
    let (socket, handle) = plugin.accept(instances, "room").await;
    let session = spawn(session(plugin, network.clone(), socket.clone(), handle));
    (socket, network, session)
}

/// As `run`.
fn session(
    plugin: &Plugin,
    mut network: Network,
    socket: Arc<Socket>,
    handle: SocketHandle<Model>,
) -> impl Future<Output = ()> + use<> {
    let limits = SessionLimits {
        message: config::bytes(plugin.limits.message),
        outbound: config::bytes(plugin.limits.outbound),
        messages_per_second: 0,
        close_time: Duration::from_secs(1),
        deflate: None,
    };
    socket.set_open(network.take_outlet());
    let bridge = Box::new(Bridge::new(network, Bytes::new(), socket, plugin.context(), limits));
    async move { run_shared(bridge, &handle).await }
}

/// Sends these letters, each in a frame, with a mask that changes nothing.
fn send(network: &Network, letters: &str) {
    for letter in letters.bytes() {
        network.send(&[TEXT, 0x81, 0]);
        network.send(&[0, 0, 0, letter]);
    }
}

/// Reads a frame of a letter.
async fn letter(network: &Network) -> char {
    let head = [network.read().await, network.read().await];
    assert_eq!(head, [TEXT, 1], "a whole frame");
    network.read().await.into()
}

/// Sends these letters, and leaves when it has read `count` answers.
async fn peer(network: Network, letters: &str, count: usize) -> String {
    send(&network, letters);
    let mut heard = String::new();
    for _ in 0..count {
        heard.push(letter(&network).await);
    }
    network.end();
    heard
}

fn only(heard: &str, letters: &str) -> String {
    heard.chars().filter(|letter| letters.contains(*letter)).collect()
}

fn publish(socket: &Socket, letter: &str) {
    socket.send(Opcode::Text, letter.as_bytes()).unwrap();
    socket.wake();
}

/// Two sockets of one instance, so that a task writes to the socket of another; and a task that
/// sends to both at any moment, like a publisher.
#[test]
fn the_frames_of_all_who_write_to_a_socket_stay_whole_and_in_order() {
    explore(ORDERS, || {
        block_on(async {
            let (plugin, instances) = begun(config::Limits::default());
            let (one, network, first) = begin(&plugin, &instances).await;
            let one_hears = spawn(peer(network, "abc", 5));
            let (other, network, second) = begin(&plugin, &instances).await;
            let other_hears = spawn(peer(network, "abc", 5));
            for letter in ["x", "y"] {
                publish(&one, letter);
                publish(&other, letter);
            }
            for heard in [one_hears, other_hears] {
                let heard = heard.await.unwrap();
                assert_eq!((only(&heard, "abc"), only(&heard, "xy")), ("abc".into(), "xy".into()));
            }
            first.await.unwrap();
            second.await.unwrap();
        });
    });
}

#[test]
fn frames_stay_in_order_while_their_socket_moves_to_another_version() {
    explore(ORDERS, || {
        block_on(async {
            let (plugin, before) = begun(config::Limits::default());
            let (_, network, first) = begin(&plugin, &before).await;
            let one_hears = spawn(peer(network, "abc", 3));
            let (_, network, second) = begin(&plugin, &before).await;
            let other_hears = spawn(peer(network, "abc", 3));
            let after = plugin.version(EXPORTS);
            plugin.current.set(Some(after));
            before.retire().await;
            assert_eq!(one_hears.await.unwrap(), "abc");
            assert_eq!(other_hears.await.unwrap(), "abc");
            first.await.unwrap();
            second.await.unwrap();
        });
    });
}

/// The queue has room for one frame, which the network may take at once, or for two, which it may
/// not.
#[test]
fn a_guest_that_was_refused_hears_when_there_is_room() {
    for frames in [1, 2] {
        let limits = config::Limits {
            message: ByteSize(1),
            outbound: ByteSize(3 * frames),
            outbound_policy: OutboundPolicy::Refuse,
            ..config::Limits::default()
        };
        explore(ORDERS / 2, move || {
            let limits = limits.clone();
            block_on(async move {
                let (plugin, instances) = begun(limits);
                let (_, network, first) = begin(&plugin, &instances).await;
                let one_hears = spawn(peer(network, "ABc", 5));
                let (_, network, second) = begin(&plugin, &instances).await;
                let other_hears = spawn(peer(network, "ABc", 5));
                assert_eq!(one_hears.await.unwrap(), "AABBc");
                assert_eq!(other_hears.await.unwrap(), "AABBc");
                first.await.unwrap();
                second.await.unwrap();
            });
        });
    }
}

#[test]
fn a_close_frame_comes_last_and_behind_all_that_was_sent_before_it() {
    // Needed by the timers of the close, which do not go off: time stands still in a check.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    explore(ORDERS, || {
        block_on(async {
            let (plugin, instances) = begun(config::Limits::default());
            let (socket, network, first) = begin(&plugin, &instances).await;
            send(&network, "ab");
            let peer = spawn(async move {
                let mut heard = String::new();
                loop {
                    match [network.read().await, network.read().await] {
                        [TEXT, 1] => heard.push(network.read().await.into()),
                        [CLOSE, 2] => break,
                        other => panic!("{other:?} is the head of no frame here"),
                    }
                }
                assert_eq!([network.read().await, network.read().await], [0x03, 0xE8]);
                network.send(&[CLOSE, 0x80, 0, 0, 0, 0]);
                network.end();
                heard
            });
            let (_, network, second) = begin(&plugin, &instances).await;
            let other_hears = spawn(self::peer(network, "ab", 2));
            publish(&socket, "x");
            socket.close(1000, "");
            let heard = peer.await.unwrap();
            assert_eq!(only(&heard, "x"), "x");
            assert!("ab".starts_with(&only(&heard, "ab")), "{heard}");
            assert_eq!(other_hears.await.unwrap(), "ab");
            first.await.unwrap();
            second.await.unwrap();
        });
    });
}
