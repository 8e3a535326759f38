//! All sockets of a plugin, by number.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::account::Account;
use super::event::Request;
use super::socket::{Bounds, Socket, SocketKind};
use super::topics::{LocalTopics, Topic, Topics};
use super::{InstanceId, VersionId};
use crate::config::{Limits, bytes};
use crate::sync::Mutex;

/// The properties of a new socket.
#[derive(Debug)]
pub struct NewSocket {
    pub protocol: Option<String>,
    pub request: Arc<Request>,
    pub pinned: Option<InstanceId>,
    pub version: VersionId,
    pub attachment: Vec<u8>,
    pub kind: SocketKind,
    /// The site's account.
    pub account: Arc<Account>,
}

#[cfg(test)]
impl NewSocket {
    /// The socket of a chat request, for tests.
    pub fn sample() -> Self {
        Self {
            protocol: None,
            request: Arc::new(Request::sample()),
            pinned: None,
            version: VersionId::next(),
            attachment: Vec::new(),
            kind: SocketKind::WebSocket,
            account: Account::new("site".into()),
        }
    }
}

/// The plugin has as many sockets as `limits.sockets` allows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the plugin has {0} sockets open, as many as `limits.sockets` allows")]
pub struct TooManySockets(usize);

/// All sockets of a plugin, and its topics. They outlive the plugin's versions.
#[derive(Debug)]
pub struct Sockets {
    next: AtomicU32,
    open: Mutex<HashMap<u32, Arc<Socket>>>,
    pub(super) topics: Box<dyn Topics>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            next: AtomicU32::new(1),
            open: Mutex::default(),
            topics: Box::new(LocalTopics::default()),
        }
    }
}

impl Sockets {
    /// Adds a socket that is `connecting`, with the limits of the version that accepts it.
    ///
    /// # Errors
    /// There are as many as the limit allows.
    pub fn accept(&self, new: NewSocket, limits: &Limits) -> Result<Arc<Socket>, TooManySockets> {
        let mut open = self.open.lock();
        if open.len() >= limits.sockets {
            return Err(TooManySockets(limits.sockets));
        }
        let mut id = self.next.fetch_add(1, Ordering::Relaxed);
        while open.contains_key(&id) {
            id = self.next.fetch_add(1, Ordering::Relaxed);
        }
        let bounds = Bounds {
            message: bytes(limits.message),
            outbound: bytes(limits.outbound),
            attachment: bytes(limits.attachment),
            topics: limits.topics,
        };
        let socket = Arc::new(Socket::new(id, new, bounds, limits.outbound_policy));
        open.insert(id, socket.clone());
        Ok(socket)
    }

    /// The socket with this number.
    pub fn get(&self, id: u32) -> Option<Arc<Socket>> {
        self.open.lock().get(&id).cloned()
    }

    /// Every socket.
    pub fn all(&self) -> Vec<Arc<Socket>> {
        self.open.lock().values().cloned().collect()
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.open.lock().len()
    }

    /// Whether there are no sockets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves the topics of a socket to this scope.
    pub fn move_topics(&self, socket: &Arc<Socket>, scope: &Option<Arc<str>>) {
        let topics: Vec<Topic> = socket.topics.lock().iter().flatten().cloned().collect();
        for topic in topics.into_iter().filter(|topic| topic.scope != *scope) {
            self.topics.unsubscribe(socket, &topic);
            // It has no more topics than before. If the socket has left, it needs none.
            let _ = self.topics.subscribe(socket, Topic { scope: scope.clone(), ..topic });
        }
    }

    /// Removes a socket, from its topics too.
    pub fn remove(&self, id: u32) {
        let removed = self.open.lock().remove(&id);
        if let Some(socket) = removed {
            self.topics.leave(&socket);
        }
    }
}
