//! One shared instance, a thousand sockets, and whatever they send.

use std::ops::Range;

use futures_util::StreamExt as _;
use futures_util::stream;
use lithe_tests::artifacts::BENCH_ECHO;
use lithe_tests::{Frame, Raw, TestHost, eventually};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::guests::sessions;
use crate::host;

const SOCKETS: usize = 1_000;
const ROUNDS: usize = 3;

#[tokio::test]
async fn a_thousand_sockets_each_hear_their_own_echoes() {
    allow_open_files();
    let host = host().route("echo", BENCH_ECHO).start().await;
    let connecting = (0..SOCKETS).map(|_| host.connect("/echo"));
    let mut clients: Vec<_> = stream::iter(connecting).buffer_unordered(50).collect().await;
    for round in 0..ROUNDS {
        // All of them have sent before the first one reads.
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(&format!("{number} in round {round}")).await;
        }
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.text().await, format!("{number} in round {round}"));
        }
    }
    let closing = clients.into_iter().map(async |mut client| {
        client.close(1000, "").await;
        assert_eq!(client.closed().await, (1000, String::new()));
    });
    stream::iter(closing).buffer_unordered(50).collect::<()>().await;
    lives_on(&host).await;
}

#[tokio::test]
async fn a_thousand_sockets_that_send_in_random_fragments_hear_all_in_order() {
    allow_open_files();
    let host = host().route("echo", BENCH_ECHO).start().await;
    let connecting = (0..SOCKETS).map(|_| host.raw_socket("/echo"));
    let sockets: Vec<_> = stream::iter(connecting).buffer_unordered(50).collect().await;
    let talking = sockets.into_iter().enumerate().map(async |(number, mut raw)| {
        let mut random = Random(number as u64);
        let sent: Vec<Frame> = (0..20)
            .map(|at| {
                let padding = "x".repeat(random.within(0..300));
                Frame::text(format!("{number}:{at}:{padding}"))
            })
            .collect();
        let bytes = sent.iter().flat_map(|frame| fragments(frame, &mut random)).collect::<Vec<_>>();
        write_in_pieces(&mut raw, &bytes, &mut random).await;
        raw.send(&[Frame::close(1000, "")]).await;
        let mut heard = raw.frames().await;
        heard.retain(|frame| frame.head != Frame::pong("").head);
        assert_eq!(heard.pop(), Some(Frame::close(1000, "")), "socket {number}");
        assert!(heard == sent, "socket {number} heard {heard:?} and not {sent:?}");
    });
    stream::iter(talking).buffer_unordered(200).collect::<()>().await;
    lives_on(&host).await;
}

#[tokio::test]
async fn where_both_sides_close_at_once_each_ends_cleanly_and_the_guest_hears_it_once() {
    const RACES: usize = 300;
    let host = sessions::start("").await;
    let mut random = Random(1);
    let mut first = [0, 0];
    for race in 0..RACES {
        let mut raw = host.raw_socket("/hooks").await;
        raw.send(&[Frame::text("close")]).await;
        for _ in 0..random.within(0..40) {
            tokio::task::yield_now().await;
        }
        raw.send(&[Frame::close(1000, "mine")]).await;
        let frames = raw.frames().await;
        let theirs = frames == [Frame::close(4000, "as told")];
        assert!(theirs || frames == [Frame::close(1000, "mine")], "race {race}: {frames:?}");
        first[usize::from(theirs)] += 1;
    }
    let counts = eventually("every end", async || {
        let counts = sessions::counts(&host).await;
        (counts["closed"] == RACES).then_some(counts)
    });
    let counts = counts.await;
    assert_eq!((&counts["opened"], &counts["messages"]), (&RACES.into(), &RACES.into()));
    assert_eq!(host.get("/members").await.text(), "0", "who was first: {first:?}");
}

#[tokio::test]
async fn random_bytes_after_the_handshake_end_one_socket_and_not_the_host() {
    const CONNECTIONS: u64 = 2_000;
    let host = sessions::start("[limits]\nclose_time = \"5s\"\n").await;
    let mut witness = host.connect("/hooks").await;
    let attacks = (0..CONNECTIONS).map(async |seed| {
        let mut random = Random(seed);
        let mut bytes: Vec<u8> =
            (0..random.within(1..2_000)).map(|_| random.next() as u8).collect();
        if seed % 2 == 0 {
            // A right head, so that what follows is looked at.
            bytes[0] = 0x80 | (random.within(0..11) as u8);
            bytes.insert(1, 0x80 | (random.within(0..128) as u8));
        }
        let mut raw = host.raw_socket(["/hooks", "/async"][random.within(0..2)]).await;
        write_in_pieces(&mut raw, &bytes, &mut random).await;
        if random.within(0..2) == 0 {
            raw.reset();
        }
    });
    stream::iter(attacks).buffer_unordered(50).collect::<()>().await;
    assert_eq!(witness.ask("still here").await, "still here");
    eventually("every attacker to be gone", async || {
        (host.get("/members").await.text() == "1").then_some(())
    })
    .await;
    let counts = sessions::counts(&host).await;
    let (opened, closed) = (counts["opened"].as_u64(), counts["closed"].as_u64());
    assert_eq!(opened, closed.map(|closed| closed + 1), "all but the witness");
}

async fn lives_on(host: &TestHost) {
    assert_eq!(host.connect("/echo").await.ask("one more").await, "one more");
}

/// A message in a random number of frames, some of them empty, with pings between them; masked.
fn fragments(message: &Frame, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut rest, mut opcode) = (message.payload.as_slice(), 1);
    loop {
        let (part, later) = rest.split_at(random.within(0..rest.len() + 1));
        let last = random.within(0..4) == 0;
        let part = if last { rest } else { part };
        let frame = Frame::new(opcode, part);
        if last {
            bytes.extend(frame.masked());
            return bytes;
        }
        bytes.extend(frame.unfinished().masked());
        if random.within(0..4) == 0 {
            bytes.extend(Frame::ping("between").masked());
        }
        (rest, opcode) = (later, 0);
    }
}

/// In writes of random lengths. The host may end the connection in between.
async fn write_in_pieces(raw: &mut Raw, bytes: &[u8], random: &mut Random) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(random.within(1..rest.len().min(700) + 1));
        raw.exchange(piece, 0).await;
        tokio::task::yield_now().await;
        rest = later;
    }
}

/// SplitMix64: the same numbers for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.next() as usize % range.len()
    }
}

/// Each socket is a file to the system; its soft limit is often 1,024.
pub(crate) fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised to the hard one");
}
