//! A socket's two writers, in every order of their steps: `tests/README.md` says how to run this.

use std::io;
use std::sync::Arc;

use shuttle::thread;

use super::{Outlet, Socket, TryWrite};
use crate::capability::sockets::{NewSocket, Sockets};
use crate::config::Limits;
use crate::message::Opcode;
use crate::outgoing::{Outgoing, slices};
use crate::sync::{Mutex, explore_all};

/// What the peer gets. At once, the network takes less than two frames of a letter.
#[derive(Debug, Default)]
struct Network(Mutex<Vec<u8>>);

impl TryWrite for Network {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(4);
        self.0.lock().extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

fn open(network: &Arc<Network>) -> Arc<Socket> {
    let socket = Sockets::default().accept(NewSocket::sample(), &Limits::default()).unwrap();
    socket.set_open(Some(Outlet::checked(network.clone())));
    socket
}

fn send(socket: &Socket, letter: &str) {
    socket.send(Opcode::Text, letter.as_bytes()).unwrap();
}

/// What the session's task does when it is woken, as `Bridge::send`: it writes what it has taken,
/// piece by piece.
fn run_task(socket: &Socket, network: &Network) {
    let mut out = Outgoing::default();
    while socket.look(0, &mut out).took {
        while !out.is_empty() {
            let written = network.try_write(&out.gather(&mut slices())[0]).unwrap();
            out.advance(written);
        }
    }
}

fn letters(network: &Network) -> String {
    let bytes = network.0.lock();
    let letters = bytes.chunks(3).map(|frame| {
        assert_eq!(frame[..2], [0x81, 1], "whole frames: {bytes:?}");
        char::from(frame[2])
    });
    letters.collect()
}

#[test]
fn every_order_of_a_task_and_of_who_finishes_a_delivery_keeps_frames_whole_and_in_order() {
    let orders = explore_all(|| {
        let network = Arc::new(Network::default());
        let socket = open(&network);
        socket.begin_delivery();
        send(&socket, "a");
        let (own, wire) = (socket.clone(), network.clone());
        let task = thread::spawn(move || run_task(&own, &wire));
        send(&socket, "b");
        socket.finish_delivery().flush();
        task.join().unwrap();
        // What is left over is the task's, which has been woken for it.
        run_task(&socket, &network);
        assert_eq!(letters(&network), "ab");
    });
    assert!(orders > 1_000, "{orders}");
}
