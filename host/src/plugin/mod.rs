//! One version of a plugin: a component, loaded, checked, and used as its kind asks.

mod artifact;
mod cache;
mod load;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::capability::Context;
use crate::capability::event::Request;
use crate::capability::http::HttpError;
use crate::capability::socket::{CloseInfo, Socket};
use crate::runtime::{Answer, Failure, Instance, Kind, PerConnection, Pool, Shared};

pub use cache::{Cache, Digest};
pub use load::{LoadError, Loader, Settings};

/// A loaded component.
pub struct Plugin {
    digest: Digest,
    kind: Kind,
    context: Arc<Context>,
    instances: Instances,
}

enum Instances {
    Pool(Pool),
    Shared(Arc<Shared>),
    PerConnection(PerConnection),
}

/// What came of a request.
pub enum Handled {
    Response(Response<Bytes>),
    Error(HttpError),
    /// To be answered with 101 and these headers; then the session begins.
    Upgrade {
        session: Session,
        headers: HeaderMap,
    },
}

/// A socket, and where its events go.
pub struct Session {
    pub socket: Arc<Socket>,
    pub guest: Guest,
    /// Removes the socket from its plugin when the session is over.
    _registered: Registered,
}

/// Who hears of a socket's events.
pub enum Guest {
    Shared(Arc<Shared>),
    /// An instance of its own.
    Own {
        instance: Box<Instance>,
        permit: OwnedSemaphorePermit,
    },
}

struct Registered {
    context: Arc<Context>,
    socket: u32,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.context.sockets.remove(self.socket);
    }
}

impl Plugin {
    /// The component's digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What the component is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The site's and the plugin's names, the limits, and the open sockets.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Calls the handler.
    ///
    /// # Errors
    /// See [`Failure`]; the handler's own error is [`Handled::Error`].
    pub async fn handle(&self, request: Arc<Request>) -> Result<Handled, Failure> {
        match &self.instances {
            Instances::Pool(pool) => {
                let answer = pool.handle(&request).await?;
                // Without sessions there is no upgrade to complete.
                self.handled(answer, |_| None)
            }
            Instances::Shared(shared) => {
                let answer = shared.handle(request).await?;
                self.handled(answer, |_| Some(Guest::Shared(shared.clone())))
            }
            Instances::PerConnection(own) => {
                // What was accepted and is not answered goes with its instance.
                let called = own.handle(&request).await;
                let accepted = request.accepted.lock().take();
                if let Some(socket) = accepted {
                    self.context.sockets.remove(socket.id);
                }
                let (answer, instance, permit) = called?;
                self.handled(answer, |_| Some(Guest::Own { instance, permit }))
            }
        }
    }

    fn handled(
        &self,
        answer: Answer,
        guest: impl FnOnce(&Socket) -> Option<Guest>,
    ) -> Result<Handled, Failure> {
        Ok(match answer {
            Answer::Response(response) => Handled::Response(response),
            Answer::Error(error) => Handled::Error(error),
            Answer::Upgrade { socket, headers } => {
                let guest = guest(&socket).ok_or(Failure::Stopped)?;
                let context = self.context.clone();
                let registered = Registered { context, socket: socket.id };
                Handled::Upgrade {
                    session: Session { socket, guest, _registered: registered },
                    headers,
                }
            }
        })
    }

    /// Closes every socket with this code, after what is queued for it.
    pub fn close_sockets(&self, code: u16, reason: &str) {
        for socket in self.context.sockets.all() {
            socket.close(code, reason);
        }
    }
}

impl Session {
    /// The handshake was not completed: the guest hears that the socket is gone.
    pub async fn abandon(self) {
        self.socket.set_closed();
        if let Guest::Shared(shared) = &self.guest {
            shared.close(&self.socket, CloseInfo::lost()).await;
        }
    }
}
