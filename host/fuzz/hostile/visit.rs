//! One guest's visit: a request, and what comes of it, with a client that behaves as it likes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use lithe_host::internals::capability::event::Request;
use lithe_host::internals::capability::next::Next;
use lithe_host::internals::capability::outcome::{Answer, Answered};
use lithe_host::internals::plugin::{Handled, Instances, Middleware, PluginVersion, Session};
use lithe_host::internals::runtime::Failure;
use lithe_host::internals::session;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use super::neighbours::Neighbours;
use super::{Client, Manner, TIME, masked, request};

/// How long a client waits for the end of its socket.
const LONGEST_CLOSE: Duration = Duration::from_secs(2);

/// A guest, and those whom it must not reach.
pub(crate) struct Visit<'v> {
    pub plugin: &'v PluginVersion,
    pub neighbours: &'v Neighbours,
    pub manner: Manner,
}

impl Visit<'_> {
    /// One request, and the session that it may begin.
    pub(crate) async fn run(&self, program: &[u8], messages: &[&[u8]]) {
        let Self { plugin, manner, .. } = *self;
        let request = Arc::new(request(!manner.plain, program, None));
        let handled = match plugin.instances() {
            Instances::Middleware(middleware) => return self.around(middleware, &request).await,
            Instances::Handler(handler) if manner.client == Client::Leaves => {
                let handled = timeout(Duration::from_millis(3), handler.handle(request)).await;
                let Ok(handled) = handled else { return };
                handled
            }
            Instances::Handler(handler) => handler.handle(request).await,
            Instances::ErrorHandler(_) => panic!("no guest is an error handler"),
        };
        let Some(Handled { answered, session }) = check(handled) else { return };
        self.see(&answered);
        match (answered, session) {
            (Ok(Answer::Response(_)) | Err(_), None) => {}
            (Ok(Answer::Upgrade { .. } | Answer::Stream { .. }), Some(session))
                if manner.abandons =>
            {
                session.abandon().await;
            }
            (Ok(Answer::Upgrade { .. }), Some(session)) => {
                self.talk(session, messages).await;
            }
            (Ok(Answer::Stream { .. }), Some(session)) => self.listen(session).await,
            (answered, session) => {
                panic!("{answered:?} has a session: {}", session.is_some());
            }
        }
    }

    /// Runs a middleware around the neighbours' handler.
    async fn around(&self, middleware: &Middleware, request: &Arc<Request>) {
        let (next, begun) = self.neighbours.next(request.clone());
        let next: Next = next;
        let answered = middleware.around(request, next).await;
        let session = begun.lock().expect("nobody panics with it").take();
        if let Some(answered) = check(answered) {
            // It may answer the socket that it was given, and no other.
            if let Some(named) = answered.as_ref().ok().and_then(Answer::socket) {
                let passed = session.as_ref().map(|session| &session.socket);
                assert!(passed.is_some_and(|passed| Arc::ptr_eq(passed, named)));
            }
            self.see(&answered);
        }
        if let Some(session) = session {
            session.abandon().await;
        }
    }

    /// Looks at what the client would be sent.
    fn see(&self, answered: &Answered) {
        let (status, headers, body) = match answered {
            Ok(Answer::Response(response)) => {
                (response.status(), response.headers(), &**response.body())
            }
            Ok(Answer::Upgrade { headers, .. }) => {
                (StatusCode::SWITCHING_PROTOCOLS, headers, &[][..])
            }
            Ok(Answer::Stream { status, headers, .. }) => (*status, headers, &[][..]),
            Err(error) => (error.status, &error.headers, error.message.as_bytes()),
        };
        let is_upgrade = matches!(answered, Ok(Answer::Upgrade { .. }));
        assert!(is_upgrade || (200..600).contains(&status.as_u16()), "{status}");
        for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
            assert!(!headers.contains_key(&name), "the guest has set `{name}`");
        }
        for value in headers.values() {
            self.neighbours.keep_secret(value.as_bytes());
        }
        self.neighbours.keep_secret(body);
    }

    /// Is the client of a WebSocket.
    async fn talk(&self, session: Session, messages: &[&[u8]]) {
        let manner = self.manner;
        let limits = session::SessionLimits {
            message: 64 * 1024,
            outbound: 256 * 1024,
            messages_per_second: 0,
            close_time: TIME,
            deflate: None,
        };
        let (client, host) = tokio::io::duplex(16 * 1024);
        let mut heard = Vec::new();
        let client = async {
            let (mut reader, mut writer) = tokio::io::split(client);
            let say = async {
                for message in messages {
                    // The host may have ended the connection.
                    let _ = writer.write_all(&masked(0x82, message)).await;
                }
                // Timers go off.
                sleep(Duration::from_millis(2)).await;
                if manner.client != Client::HangsUp {
                    let _ = writer.write_all(&masked(0x88, &1000_u16.to_be_bytes())).await;
                }
            };
            let listen = reader.read_to_end(&mut heard);
            match manner.client {
                // It may wait for a host that waits for it to read.
                Client::NeverReads => drop(timeout(TIME, say).await),
                Client::HangsUp => tokio::select! { () = say => {}, _ = listen => {} },
                // An error is an end. A guest that sleeps leaves what came after its message
                // unread, the close frame, too: a client does not wait for its answer for ever.
                _ => drop(tokio::join!(say, timeout(LONGEST_CLOSE, listen))),
            }
        };
        tokio::join!(client, session::run(host, Bytes::new(), session, limits));
        self.neighbours.keep_secret(&heard);
    }

    /// Is the client of a stream: for a while.
    async fn listen(&self, session: Session) {
        let (mut body, guest) = session::stream(session, TIME);
        let client = async {
            let end = sleep(Duration::from_millis(10));
            tokio::pin!(end);
            loop {
                tokio::select! {
                    frame = body.frame() => match frame {
                        Some(Ok(frame)) => {
                            let data = frame.into_data().unwrap_or_default();
                            self.neighbours.keep_secret(&data);
                        }
                        _ => break,
                    },
                    () = &mut end => break,
                }
            }
            drop(body);
        };
        tokio::join!(client, guest);
    }
}

/// A guest may fail in any way; the host may not.
fn check<T>(result: Result<T, Failure>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(failure @ (Failure::Stopped | Failure::Start(_) | Failure::Busy(..))) => {
            panic!("the host failed: {failure}")
        }
        Err(_) => None,
    }
}
