//! All sockets of a plugin, by number.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::account::{Account, Held, Over};
use super::event::Request;
use super::socket::{Socket, SocketBounds, SocketKind};
use super::topics::{LocalTopics, Topic, Topics};
use super::{InstanceId, VersionId};
use crate::config::{Limit, Limits, bytes};
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

/// The reason that a socket is not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoRoom {
    /// The plugin has as many sockets as `limits.sockets` allows.
    #[error("the plugin has {0} sockets open, as many as `limits.sockets` allows")]
    Sockets(usize),
    /// The site's sockets have as much memory as they may have.
    #[error(transparent)]
    Memory(#[from] Over),
}

impl NoRoom {
    /// The bound.
    pub fn limit(&self) -> Limit {
        match self {
            Self::Sockets(_) => Limit::Sockets,
            Self::Memory(over) => over.limit,
        }
    }
}

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
    pub fn accept(&self, new: NewSocket, limits: &Limits) -> Result<Arc<Socket>, NoRoom> {
        let mut open = self.open.lock();
        if open.len() >= limits.sockets {
            return Err(NoRoom::Sockets(limits.sockets));
        }
        let weight = Socket::base_weight(&new.request) + new.attachment.len();
        new.account.memory().check_new(Held::Sockets, weight)?;
        let mut id = self.next.fetch_add(1, Ordering::Relaxed);
        while open.contains_key(&id) {
            id = self.next.fetch_add(1, Ordering::Relaxed);
        }
        let bounds = SocketBounds {
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
            let to = Topic { scope: scope.clone(), name: topic.name.clone() };
            self.topics.rescope(socket, &topic, to);
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
