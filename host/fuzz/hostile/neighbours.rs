//! A well-behaved plugin beside the guest, with two sockets that talk to each other.

use std::cell::Cell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lithe_host::internals::capability::event::Request;
use lithe_host::internals::capability::next::Next;
use lithe_host::internals::capability::outcome::Answer;
use lithe_host::internals::plugin::{Handler, Session};
use lithe_host::internals::session;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{sleep, timeout};

use super::{DEADLINE, masked, request};

/// What they say in one conversation at the most.
const ROUNDS: usize = 1_000;

/// Two plugins that have nothing to do with the guest.
pub(crate) struct Neighbours {
    /// Says what it hears to all of its sockets, by a topic.
    publish: Arc<Handler>,
    /// Answers `hello world`.
    hello: Arc<Handler>,
    /// In all of their messages and requests.
    secret: String,
}

/// What a middleware's `next` has begun.
type Begun = Arc<Mutex<Option<Session>>>;

impl Neighbours {
    /// The two, with a secret of their own. Each input has another: a fuzzer sees what is compared,
    /// and writes that into later inputs.
    pub(crate) fn new(publish: &Arc<Handler>, hello: &Arc<Handler>) -> Self {
        let secret = format!("secret-{:016x}", RandomState::new().build_hasher().finish());
        Self { publish: publish.clone(), hello: hello.clone(), secret }
    }

    /// What nobody else may hear.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Panics if the secret is in there.
    pub(crate) fn keep_secret(&self, bytes: &[u8]) {
        let mut windows = bytes.windows(self.secret.len());
        assert!(!windows.any(|window| window == self.secret.as_bytes()), "the secret is out");
    }

    /// Two sockets and a request, until it is done: each socket hears what both say, in order, and
    /// nothing else; the request is answered.
    pub(crate) async fn converse(&self, done: &Cell<bool>) {
        let ((ann, anns_host), (bob, bobs_host)) = (self.connect().await, self.connect().await);
        let talk = async {
            let mut clients = [ann, bob];
            self.introduce(&mut clients).await;
            for round in 0..ROUNDS {
                let text = format!("{} {round}", self.secret);
                clients[round % 2].say(&text).await;
                for client in &mut clients {
                    client.hears(&text).await;
                }
                if done.get() && round > 1 {
                    break;
                }
                sleep(std::time::Duration::from_millis(1)).await;
            }
            for client in clients {
                client.close().await;
            }
        };
        let talk = async { timeout(DEADLINE, talk).await.expect("the neighbours are heard") };
        tokio::join!(talk, anns_host, bobs_host);
        assert!(self.publish.context().sockets.is_empty(), "the neighbours' sockets are forgotten");
        let greeting = request(false, b"", Some(&self.secret));
        let greeted = self.hello.handle(Arc::new(greeting)).await.expect("it answers");
        match greeted.answered {
            Ok(Answer::Response(response)) => assert_eq!(&**response.body(), b"hello world"),
            other => panic!("the neighbour answered {other:?}"),
        }
    }

    /// The neighbours' handler, as the end of a chain.
    pub(crate) fn next(&self, request: Arc<Request>) -> (Next, Begun) {
        let (publish, begun) = (self.publish.clone(), Begun::default());
        let session = begun.clone();
        let next = move || -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(async move {
                let handled = publish.handle(request).await.expect("the neighbour answers");
                *session.lock().expect("nobody panics with it") = handled.session;
                handled.answered
            })
        };
        (Box::new(next), begun)
    }

    /// From then on both are there.
    async fn introduce(&self, [ann, bob]: &mut [Client; 2]) {
        let [anns, bobs] = ["ann", "bob"].map(|name| format!("{} {name}", self.secret));
        ann.say(&anns).await;
        ann.hears(&anns).await;
        bob.say(&bobs).await;
        ann.hears(&bobs).await;
        // Whether he has been there when she said it is not known.
        if bob.hears_one_of([&anns, &bobs]).await == anns {
            bob.hears(&bobs).await;
        }
    }

    async fn connect(&self) -> (Client, impl Future<Output = ()>) {
        let request = Arc::new(request(true, b"", Some(&self.secret)));
        let handled = self.publish.handle(request).await.expect("the neighbour answers");
        let session = handled.session.expect("the neighbour accepts");
        let limits = session::SessionLimits {
            message: 1024,
            outbound: 1024 * 1024,
            messages_per_second: 0,
            close_time: DEADLINE,
            deflate: None,
        };
        let (client, host) = tokio::io::duplex(1024);
        (Client(client), session::run(host, Bytes::new(), session, limits))
    }
}

/// One of the two sockets.
struct Client(DuplexStream);

impl Client {
    async fn say(&mut self, text: &str) {
        let sent = self.0.write_all(&masked(0x81, text.as_bytes())).await;
        sent.expect("the neighbour's socket is open");
    }

    async fn hears(&mut self, text: &str) {
        self.hears_one_of([text, text]).await;
    }

    /// Of texts of one length.
    async fn hears_one_of(&mut self, texts: [&str; 2]) -> String {
        let mut heard = vec![0; 2 + texts[0].len()];
        self.0.read_exact(&mut heard).await.expect("the neighbour's socket is open");
        let (head, text) = heard.split_at(2);
        let text = String::from_utf8_lossy(text).into_owned();
        assert_eq!(head, [0x81, texts[0].len() as u8], "{texts:?} was said");
        assert!(texts.contains(&&*text), "{texts:?} was said, and {text:?} heard");
        text
    }

    async fn close(mut self) {
        let closed = self.0.write_all(&masked(0x88, &1000_u16.to_be_bytes())).await;
        closed.expect("the neighbour's socket is open");
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.expect("the host ends it");
        assert_eq!(rest, [0x88, 2, 0x03, 0xe8], "the close is answered, and nothing else comes");
    }
}
