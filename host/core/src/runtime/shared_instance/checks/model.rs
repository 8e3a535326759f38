//! A plugin without WebAssembly: its guest sends each message back, or twice if it begins with a
//! capital, and remembers what it was told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Response};
use shuttle::future::yield_now;
use tokio::task::AbortHandle;

use super::super::{GuestCalls, InstanceSource, SocketHandle};
use super::told::Told;
use crate::capability::account::Account;
use crate::capability::bindings::socket::SendError;
use crate::capability::event::{Acceptance, Request};
use crate::capability::outcome::{Answer, Answered};
use crate::capability::socket::{CloseInfo, Delivery, Socket, SocketKind};
use crate::capability::sockets::{NewSocket, Sockets};
use crate::capability::turn::Turns;
use crate::capability::{Context, InstanceId, Sharing, VersionId};
use crate::config::{Limits, PluginConfig, Scope};
use crate::message::{Borrowed, Message, Messages, Opcode};
use crate::runtime::call::Upkeep;
use crate::runtime::current::CurrentInstances;
use crate::runtime::failure::Failure;
use crate::runtime::instance_set::InstanceSet;

/// A message that makes the guest trap.
pub(crate) const TRAP: &str = "trap";

/// What outlives a plugin's versions.
pub(crate) struct Plugin {
    pub limits: Limits,
    pub scope: Scope,
    pub current: Arc<CurrentInstances<Model>>,
    told: Arc<Told>,
    sockets: Arc<Sockets>,
}

/// One version of the plugin.
#[derive(Clone)]
pub(crate) struct Model {
    context: Arc<Context>,
    told: Arc<Told>,
    exports: Exports,
    /// Its instances that are there.
    alive: Arc<AtomicUsize>,
    /// How many there may be.
    most: usize,
}

/// What the version's component exports besides `hooks`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exports {
    pub batch: bool,
    pub state: bool,
}

/// An instance of the guest. Its memory is how many messages it has handled, and those before it.
pub(crate) struct ModelInstance {
    id: InstanceId,
    version: Model,
    memory: u8,
    /// What sockets have refused, for when there is room.
    refused: HashMap<u32, Vec<String>>,
}

impl Default for Plugin {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            scope: Scope::Plugin,
            current: Arc::default(),
            told: Arc::default(),
            sockets: Arc::default(),
        }
    }
}

impl Drop for Plugin {
    /// Instances know who serves the plugin, and so each other.
    fn drop(&mut self) {
        self.current.set(None);
    }
}

impl Plugin {
    /// The plugin's context in another version of it.
    pub(crate) fn context(&self) -> Arc<Context> {
        Arc::new(Context {
            account: Account::new("site".into()),
            site: "site".into(),
            plugin: "plugin".into(),
            limits: self.limits.clone(),
            sessions: true,
            upgrades: true,
            settings: PluginConfig::default(),
            grants: Default::default(),
            threads: None,
            version: VersionId::next(),
            calls: Default::default(),
            sockets: self.sockets.clone(),
        })
    }

    /// Another version, with one shared instance for the scope `plugin`.
    pub(crate) fn version(&self, exports: Exports) -> Arc<InstanceSet<Model>> {
        let (context, told) = (self.context(), self.told.clone());
        let most = if self.scope == Scope::Plugin { 1 } else { usize::MAX };
        let model = Model { context, told, exports, alive: Arc::default(), most };
        InstanceSet::new(&Arc::new(model), &self.current, &self.scope, 1)
    }

    /// Accepts a socket in a room, by a request as any other.
    pub(crate) async fn accept(
        &self,
        instances: &InstanceSet<Model>,
        room: &str,
    ) -> (Arc<Socket>, SocketHandle<Model>) {
        let (answered, handle) = instances.handle(Arc::new(in_room(room))).await.unwrap();
        let socket = answered.unwrap().socket().unwrap().clone();
        (socket, handle.unwrap())
    }

    /// What the guest has heard of a socket, once it has been told of its close.
    pub(crate) async fn heard(&self, socket: u32) -> Vec<String> {
        self.told.heard(socket).await
    }
}

impl ModelInstance {
    async fn message(&mut self, socket: &Socket, text: &str) -> Result<(), Failure> {
        // A call may take several polls, and other tasks go on in between.
        yield_now().await;
        if text == TRAP {
            return Err(Failure::Trap("as it was told".to_owned()));
        }
        self.memory += 1;
        self.version.told.message(socket, text);
        self.send(socket, text);
        if text.starts_with(char::is_uppercase) {
            self.send(socket, text);
        }
        Ok(())
    }

    fn send(&mut self, socket: &Socket, text: &str) {
        // Nothing overtakes what was refused.
        let waits = self.refused.contains_key(&socket.id);
        let sent = if waits {
            Err(SendError::QueueFull)
        } else {
            socket.send(Opcode::Text, text.as_bytes())
        };
        match sent {
            Err(SendError::QueueFull) => {
                self.refused.entry(socket.id).or_default().push(text.to_owned());
            }
            // A socket that has been closed takes nothing more.
            Ok(()) | Err(SendError::Closed) => {}
            Err(SendError::TooLarge(_)) => unreachable!("it is short"),
        }
    }

    async fn messages(&mut self, socket: &Socket, messages: Vec<Message>) -> Result<(), Failure> {
        for message in messages {
            let Borrowed::Text(text) = message.borrow() else { continue };
            self.message(socket, text).await?;
        }
        Ok(())
    }
}

/// A request for a socket, with the parameter `room`.
pub(crate) fn in_room(room: &str) -> Request {
    Request { params: vec![("room".into(), room.into())], ..Request::sample() }
}

/// A message of its own, for `SocketHandle::receive`.
pub(crate) fn message(socket: &Socket, text: &str) -> Messages {
    let mut messages = Messages::of(socket.id);
    messages.push(Message::Text(text.into()));
    messages
}

/// The messages of `batch.receive`, all text, each with its socket.
fn unpacked(mut packed: &[u8]) -> Vec<(u32, Message)> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = packed.split_first_chunk::<8>() {
        let [id, length] =
            [&head[..4], &head[4..]].map(|half| u32::from_le_bytes(half.try_into().unwrap()));
        let (text, rest) = rest.split_at((length >> 1) as usize);
        messages.push((id, Message::Text(str::from_utf8(text).unwrap().into())));
        packed = rest;
    }
    messages
}

impl InstanceSource for Model {
    type Instance = ModelInstance;

    fn context(&self) -> &Arc<Context> {
        &self.context
    }

    fn takes_batches(&self) -> bool {
        self.exports.batch
    }

    fn has_state(&self) -> bool {
        self.exports.state
    }

    fn resumes(&self) -> bool {
        false
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        crate::sync::detach(work);
        None
    }

    async fn instantiate(&self, _: Option<Sharing>) -> Result<ModelInstance, Failure> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        assert!(self.alive.fetch_add(1, Ordering::Relaxed) < self.most, "one instance at a time");
        yield_now().await;
        let id = InstanceId(NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(ModelInstance { id, version: self.clone(), memory: 0, refused: HashMap::new() })
    }
}

impl Drop for ModelInstance {
    fn drop(&mut self) {
        self.version.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

impl GuestCalls for ModelInstance {
    fn id(&self) -> InstanceId {
        self.id
    }

    fn has_timers(&self) -> bool {
        false
    }

    async fn handle(&mut self, request: &Arc<Request>) -> Result<Answered, Failure> {
        yield_now().await;
        if request.path != "/chat" {
            return Ok(Ok(Answer::Response(Response::new(Bytes::new()))));
        }
        let context = &self.version.context;
        let new = NewSocket {
            request: request.clone(),
            version: context.version,
            account: context.account.clone(),
            ..NewSocket::sample()
        };
        let socket = context.sockets.accept(new, &context.limits).unwrap();
        self.version.told.accepted(&socket);
        *request.accepted.lock() = Acceptance::Socket(socket.clone());
        let socket = request.take_accepted(socket.id, SocketKind::WebSocket).unwrap();
        Ok(Ok(Answer::Upgrade { socket, headers: HeaderMap::new() }))
    }

    async fn open(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        yield_now().await;
        self.version.told.open(socket);
        Ok(())
    }

    async fn receive(&mut self, delivery: &Delivery) -> Result<(), Failure> {
        let messages = delivery.messages.iter().map(|one| one.to_message()).collect();
        self.messages(&delivery.socket, messages).await
    }

    async fn receive_packed(
        &mut self,
        packed: &[u8],
        turns: &mut Turns,
    ) -> Result<Option<()>, Failure> {
        for (id, message) in unpacked(packed) {
            while turns.current().is_some_and(|socket| socket.id != id) {
                turns.at += 1;
            }
            let socket = turns.current().expect("each message is of a socket of the call").clone();
            self.messages(&socket, vec![message]).await?;
        }
        Ok(Some(()))
    }

    async fn drain(&mut self, socket: &Arc<Socket>) -> Result<(), Failure> {
        yield_now().await;
        for text in self.refused.remove(&socket.id).unwrap_or_default() {
            self.send(socket, &text);
        }
        Ok(())
    }

    async fn close(&mut self, socket: &Arc<Socket>, _: &CloseInfo) -> Result<(), Failure> {
        yield_now().await;
        self.version.told.close(socket);
        Ok(())
    }

    async fn timer(&mut self, _: u32) -> Result<(), Failure> {
        Ok(())
    }

    async fn save(&mut self, _: Upkeep) -> Result<Option<Vec<u8>>, Failure> {
        yield_now().await;
        Ok(Some(vec![self.memory]))
    }

    async fn restore(&mut self, saved: &[u8], _: Upkeep) -> Result<Option<()>, Failure> {
        yield_now().await;
        self.memory += saved.iter().sum::<u8>();
        Ok(Some(()))
    }

    async fn resume(&mut self, _: &Arc<Socket>) -> Result<Option<()>, Failure> {
        Ok(Some(()))
    }
}
