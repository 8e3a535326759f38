//! Whatever a client sends after its handshake, through the real session code and guests that echo.
//!
//! The fuzz target and a test of every build run this. A second decoder, which sees all bytes at
//! once, says what must come back.

mod reference;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri, header};
use lithe_host::internals::capability::event::Request;
use lithe_host::internals::config;
use lithe_host::internals::plugin::{
    Account, Cache, Compiling, Loader, PluginIdentity, PluginVersion, Role, Settings, Source,
};
use lithe_host::internals::runtime::Runtime;
use lithe_host::internals::session::{self, Agreed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::timeout;

use reference::{Decoded, Deflate, End};

/// The largest message, either way, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// Longer than any input needs.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a client may offer, and what that agrees on with a site that allows all.
const OFFERS: [Option<(&str, Deflate)>; 4] = [
    None,
    Some(("permessage-deflate", Deflate { bits: 15, takeover: true })),
    Some((
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        Deflate { bits: 15, takeover: false },
    )),
    Some((
        "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9",
        Deflate { bits: 9, takeover: true },
    )),
];

/// Guests that echo, loaded once.
pub(crate) struct Echoes {
    threads: tokio::runtime::Runtime,
    /// One shared instance.
    hooks: PluginVersion,
    /// An instance for each connection.
    session: PluginVersion,
}

/// How the input is sent, by its first two bytes.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// To the guest with an instance for each connection.
    own_instance: bool,
    offer: Option<(&'static str, Deflate)>,
    /// Drops the connection after the last byte, and does not read on.
    hangs_up: bool,
    /// Bytes that come together with the handshake.
    early: usize,
    /// Bytes of each write after that.
    piece: usize,
}

impl Echoes {
    /// Loads two components that echo, and keeps them compiled in `cache`.
    pub(crate) fn load(hooks: &Path, session: &Path, cache: &Path) -> Self {
        let threads = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let threads = threads.expect("the system has what a runtime needs");
        let engine = Runtime::new().expect("the system has the addresses");
        let cache = Cache::open(cache.to_owned()).expect("the folder can be made");
        let bounds = config::Compile::default();
        let loader = Loader::new(Arc::new(engine), cache, Compiling::Here, bounds);
        let limits = config::Limits {
            message: bytesize::ByteSize::b(MAX_MESSAGE as u64),
            event_cpu: DEADLINE,
            ..config::Limits::default()
        };
        let load = |file: &Path| {
            let settings = Settings {
                site: "fuzz".into(),
                limits: limits.clone(),
                account: Account::new("fuzz".into()),
                websocket: true,
                plugin: config::PluginConfig::default(),
                grants: Default::default(),
                identity: PluginIdentity::default(),
                share: None,
            };
            let bytes = std::fs::read(file).expect("the component has been built");
            let source = Source::Given(bytes.into());
            let loaded = threads.block_on(async {
                let seen = loader.look(&source).await?;
                loader.load(&source, seen, "echo.wasm", Role::Route, &settings, || {}).await
            });
            loaded.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        };
        let (hooks, session) = (load(hooks), load(session));
        Self { threads, hooks, session }
    }

    /// Sends all but the first two bytes, which say how.
    ///
    /// # Panics
    /// The session does not end, or the client hears something else than the echoes of what it
    /// said.
    pub(crate) fn hear(&self, input: &[u8]) {
        let [how, piece, bytes @ ..] = input else { return };
        let manner = Manner {
            own_instance: how & 1 != 0,
            offer: OFFERS[usize::from(how >> 1 & 3)],
            hangs_up: how & 8 != 0,
            early: bytes.len().min(usize::from(how >> 4) * 4),
            piece: usize::from(*piece) + 1,
        };
        let plugin = if manner.own_instance { &self.session } else { &self.hooks };
        let exchange = async { timeout(DEADLINE, exchange(plugin, manner, bytes)).await };
        let heard = self.threads.block_on(exchange).expect("the session ends");
        assert!(plugin.context().sockets.is_empty(), "the socket is forgotten");
        if let Some(heard) = heard {
            compare(manner, bytes, &heard);
        }
    }
}

/// Runs one session; answers all that the client has heard, if it stayed to hear all.
async fn exchange(plugin: &PluginVersion, manner: Manner, bytes: &[u8]) -> Option<Vec<u8>> {
    let request = handshake(manner.offer.map(|(offer, _)| offer));
    let site = config::Deflate { enabled: true, window_bits: 15, context_takeover: true };
    let limits = session::SessionLimits {
        message: MAX_MESSAGE,
        outbound: 4 * 1024 * 1024,
        messages_per_second: 0,
        close_time: Duration::from_secs(5),
        deflate: Agreed::on(&request.headers, &site),
    };
    assert_eq!(limits.deflate.is_some(), manner.offer.is_some());
    let handler = plugin.handler().expect("it is a route");
    let handled = handler.handle(request).await.expect("the guest answers");
    let session = handled.session.expect("the guest accepts");
    let (early, later) = bytes.split_at(manner.early);
    let (client, host) = tokio::io::duplex(manner.piece * 4);
    let running = session::run(host, Bytes::copy_from_slice(early), session, limits);
    tokio::join!(talk(client, later, manner), running).0
}

fn handshake(offer: Option<&'static str>) -> Arc<Request> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
        (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(offer) = offer {
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offer));
    }
    Arc::new(Request { headers, ..Request::get(Uri::from_static("/")) })
}

async fn talk(stream: DuplexStream, bytes: &[u8], manner: Manner) -> Option<Vec<u8>> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut heard = Vec::new();
    let say = async {
        for piece in bytes.chunks(manner.piece) {
            // The host may have ended the connection.
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
        if !manner.hangs_up {
            let _ = writer.shutdown().await;
        }
    };
    // An error is an end.
    let listen = async { while reader.read_buf(&mut heard).await.is_ok_and(|count| count > 0) {} };
    if manner.hangs_up {
        tokio::select! {
            () = say => {}
            () = listen => {}
        }
        return None;
    }
    tokio::join!(say, listen);
    Some(heard)
}

/// What came back are the echoes of all messages, in order, and the right end.
fn compare(manner: Manner, said: &[u8], heard: &[u8]) {
    let deflate = manner.offer.map(|(_, deflate)| deflate);
    let said = Decoded::from_client(said, deflate, MAX_MESSAGE);
    let heard = Decoded::from_host(heard, deflate, MAX_MESSAGE);
    let mut pings = said.pings.iter();
    for pong in &heard.pongs {
        let is_answer = said.end == End::Unknown || pings.any(|ping| ping == pong);
        assert!(is_answer, "{manner:?}: {pong:?} answers no ping in its turn");
    }
    let (sent, echoed) = (&said.messages, &heard.messages);
    let known = if said.end == End::Unknown { sent.len().min(echoed.len()) } else { echoed.len() };
    assert!(sent.starts_with(&echoed[..known]), "{manner:?}: {sent:?} echoed as {echoed:?}");
    let code = match &heard.end {
        End::Closed(payload) => {
            assert!(known >= sent.len(), "{manner:?}: {known} of {sent:?} echoed before the close");
            payload.first_chunk().map(|code| u16::from_be_bytes(*code))
        }
        // Who leaves in the middle may miss the last echoes.
        End::Middle => None,
        end => panic!("{manner:?}: the host's side ended with {end:?}"),
    };
    match &said.end {
        End::Middle | End::Closed(_) => assert_eq!(said.end, heard.end, "{manner:?}"),
        End::Broken => assert!(matches!(code, Some(1002 | 1007 | 1009)), "{manner:?}: {code:?}"),
        End::Either | End::Unknown => {}
    }
}
