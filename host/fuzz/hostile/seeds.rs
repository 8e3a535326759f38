//! The committed inputs, in words. What each byte means is in the interpreter's `op.rs`.
//!
//! `LITHE_WRITE_SEEDS=1 cargo test --workspace --test integration
//! guests::interpreter::the_seeds` writes them.

use std::slice;

use op::{Op, Slot};

use super::guest::{Client, Kind, Manner, SEPARATOR};

/// The operations of the guests' programs. By path: the fuzz package does not build the guest.
#[allow(unreachable_pub, reason = "the guest's package exports them")]
#[path = "../../../tests/guests/interpreter/src/op.rs"]
pub(crate) mod op;

/// Functions that can be called below the bindings: `raw.rs` has fewer, and begins again.
const RAW_FUNCTIONS: u8 = 64;

/// Paths that have bytes of their own.
const PATHS: u8 = 28;

/// The largest of each size, which have bytes of their own.
const LARGEST: [(u64, u8); 5] = [
    (u8::MAX as u64, 245),
    (u16::MAX as u64, 246),
    (u32::MAX as u64, 247),
    (u64::MAX, 248),
    (i32::MAX as u64, 249),
];

/// An input, by its name.
pub(crate) struct Seed {
    pub name: String,
    pub input: Vec<u8>,
    /// What is in its programs.
    pub ops: Vec<Op>,
}

/// A program that is being written.
#[derive(Clone, Default)]
struct Code {
    bytes: Vec<u8>,
    ops: Vec<Op>,
}

fn code(op: Op) -> Code {
    Code::default().op(op)
}

impl Code {
    fn op(mut self, op: Op) -> Self {
        self.ops.push(op);
        self.byte(op as u8)
    }

    fn byte(mut self, byte: u8) -> Self {
        assert_ne!(byte, SEPARATOR, "a program has no separator in it");
        self.bytes.push(byte);
        self
    }

    /// No text, no fields, nothing; the current socket or event.
    fn none(self) -> Self {
        self.byte(0)
    }

    fn number(self, number: u64) -> Self {
        if let Some((_, byte)) = LARGEST.iter().find(|(largest, _)| *largest == number) {
            return self.byte(*byte);
        }
        match number {
            0..240 => self.byte(number as u8),
            _ if number.is_power_of_two() => self.byte(244).byte(number.trailing_zeros() as u8),
            _ => number.to_le_bytes().into_iter().fold(self.byte(243), Self::byte),
        }
    }

    fn text(self, text: &str) -> Self {
        text.bytes().fold(self.byte(2).number(text.len() as u64), Self::byte)
    }

    fn neighbours_topic(self) -> Self {
        self.byte(1)
    }

    /// As many `x`.
    fn long(self, length: u64) -> Self {
        self.byte(3).number(length)
    }

    fn one_field(self, name: &str, value: &str) -> Self {
        self.byte(1).text(name).text(value)
    }

    fn same_fields(self, count: u64, name: &str, length: u64) -> Self {
        self.byte(2).number(count).text(name).long(length)
    }

    fn different_fields(self, count: u64) -> Self {
        self.byte(3).number(count)
    }

    fn code(self, code: &Code) -> Self {
        self.number(code.bytes.len() as u64).then(code)
    }

    fn then(mut self, code: &Code) -> Self {
        self.bytes.extend(&code.bytes);
        self.ops.extend(&code.ops);
        self
    }
}

/// Accepts the upgrade, with nothing special.
fn upgrade() -> Code {
    code(Op::WsUpgrade).none().none().none().none().none()
}

fn stream() -> Code {
    code(Op::StreamsStart).none().number(200).none().none().none()
}

fn keep(slot: Slot, kept: &Code) -> Code {
    code(Op::Keep).byte(slot as u8).code(kept)
}

fn repeat(times: u64, repeated: &Code) -> Code {
    code(Op::Repeat).number(times).code(repeated)
}

/// Each socket that a neighbour may have, and some that nobody has.
fn for_other_sockets(op: Op, arguments: &Code) -> Code {
    (3..20)
        .chain([1 << 31, u32::MAX.into()])
        .fold(Code::default(), |all, id| all.op(op).number(id).then(arguments))
}

/// An input: how, and the programs for the handler and for the messages.
fn seed(name: &str, manner: Manner, programs: &[Code]) -> Seed {
    let bytes: Vec<&[u8]> = programs.iter().map(|code| &*code.bytes).collect();
    let mut input = bytes_of(manner).to_vec();
    input.extend(bytes.join(&SEPARATOR));
    let ops = programs.iter().flat_map(|code| code.ops.clone()).collect();
    Seed { name: name.to_owned(), input, ops }
}

fn of(kind: Kind) -> Manner {
    Manner { kind, ..Manner::of([0; 2]) }
}

/// As [`Manner::of`] reads them.
fn bytes_of(manner: Manner) -> [u8; 2] {
    let first = manner.kind as u8
        | u8::from(manner.plain) << 2
        | (manner.client as u8) << 3
        | u8::from(manner.abandons) << 5
        | u8::from(manner.refuses) << 6
        | u8::from(manner.scoped) << 7;
    [first, u8::from(manner.apart) | u8::from(manner.swaps) << 1]
}

/// Adds a seed: its name, the manner in which the guest runs, and what it does.
type Add<'s> = dyn FnMut(&str, Manner, &[Code]) + 's;

/// All seeds.
pub(crate) fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |name: &str, manner: Manner, programs: &[Code]| {
        seeds.push(seed(name, manner, programs));
    };
    events(&mut add);
    for (name, kind) in [("hooks", Kind::Hooks), ("session", Kind::Session)] {
        sessions(&mut add, name, kind);
        others(&mut add, name, kind);
        misplaced(&mut add, name, kind);
        streams(&mut add, name, kind);
        faults(&mut add, name, kind);
    }
    waits(&mut add);
    timers(&mut add);
    answers(&mut add);
    middleware(&mut add);
    system(&mut add);
    files(&mut add);
    swaps(&mut add);
    reenters(&mut add);
    raw(&mut add);
    seeds
}

/// The same, in answer to plain HTTP.
fn plain(kind: Kind) -> Manner {
    Manner { plain: true, ..of(kind) }
}

/// Asks an event everything.
fn ask() -> Code {
    let ask = [
        Op::EventId,
        Op::EventMethod,
        Op::EventUri,
        Op::EventPath,
        Op::EventQuery,
        Op::EventScheme,
        Op::EventAuthority,
        Op::EventHeaders,
        Op::EventRoute,
        Op::EventParams,
        Op::EventClientAddress,
        Op::EventBody,
        Op::WsIsUpgradeRequest,
        Op::WsRequestedProtocols,
    ];
    ask.into_iter().fold(Code::default(), |all, op| all.op(op).none())
}

/// What a guest asks of an event and leaves with it.
fn events(add: &mut Add<'_>) {
    let hooks = of(Kind::Hooks);
    let ask = ask();
    let named = code(Op::EventHeader)
        .none()
        .text("cookie")
        .op(Op::EventHeader)
        .none()
        .long(100_000)
        .op(Op::EventParam)
        .none()
        .text("id")
        .op(Op::EventLocal)
        .none()
        .text("key")
        .op(Op::WsIsSupported);
    add("event", plain(Kind::Route), &[ask.clone().then(&named)]);
    let set = |key: u64, value: u64| code(Op::EventSetLocal).none().long(key).long(value);
    add("locals", plain(Kind::Route), &[set(3, 60_000).then(&set(4, 5_000))]);
    add("locals-huge", plain(Kind::Route), &[set(1 << 24, 1 << 24)]);
    let dropped = code(Op::EventDrop).none().then(&ask);
    add("event-dropped", hooks, slice::from_ref(&dropped));
}

/// A session: its messages, its ends, and what waits to be sent.
fn sessions(add: &mut Add<'_>, name: &str, kind: Kind) {
    let manner = of(kind);
    let send = |length| code(Op::SocketSendText).none().long(length);
    let about = [
        Op::SocketState,
        Op::SocketProtocol,
        Op::SocketBufferedAmount,
        Op::SocketAttachment,
        Op::TopicsSubscriptions,
    ];
    let about = about.into_iter().fold(Code::default(), |all, op| all.op(op).none());
    let binary = code(Op::SocketSendBinary).none().text("bytes");
    let attach = |length| code(Op::SocketSetAttachment).none().long(length);
    let programs =
        [upgrade(), send(5), binary, about.clone(), attach(16), attach(1 << 25), about.clone()];
    add(&format!("{name}-session"), manner, &programs);
    let chosen = code(Op::WsUpgrade)
        .none()
        .byte(1)
        .text("chat")
        .one_field("x-a", "b")
        .text("attached")
        .byte(1);
    add(&format!("{name}-pinned"), manner, &[chosen, about.clone(), code(Op::Trap)]);
    let refused = code(Op::WsUpgrade)
        .none()
        .byte(1)
        .text("other")
        .one_field("sec-websocket-accept", "x")
        .long(1 << 20)
        .none();
    add(&format!("{name}-refused"), manner, &[refused.then(&upgrade()).then(&upgrade())]);
    let ends = [
        code(Op::SocketClose).none().none().none(),
        code(Op::SocketClose).none().byte(1).number(1005).long(200),
        code(Op::SocketFail).none().long(1 << 20),
        code(Op::SocketTerminate).none(),
    ];
    for (at, end) in ends.iter().enumerate() {
        let programs = [upgrade(), end.clone().then(&send(1)).then(&about)];
        add(&format!("{name}-end-{at}"), manner, &programs);
    }
    let flood = repeat(1_000, &send(60_000));
    let drain = keep(Slot::Drain, &send(60_000));
    let never = Manner { client: Client::NeverReads, refuses: true, ..manner };
    add(&format!("{name}-flood"), manner, &[upgrade(), flood.clone()]);
    add(&format!("{name}-flood-unread"), never, &[upgrade(), drain.then(&flood)]);
    add(&format!("{name}-too-large"), manner, &[upgrade(), send(1 << 25)]);
    let kept = keep(Slot::Open, &send(1))
        .then(&keep(Slot::Close, &code(Op::SocketTerminate).none().then(&send(2))))
        .then(&upgrade());
    add(&format!("{name}-kept"), manner, slice::from_ref(&kept));
    add(&format!("{name}-abandoned"), Manner { abandons: true, ..manner }, &[kept]);
}

/// What belongs to other sockets, and topics that others have, too.
fn others(add: &mut Add<'_>, name: &str, kind: Kind) {
    let manner = of(kind);
    let ask = ask();
    let others = for_other_sockets(Op::SocketSendText, &Code::default().text("got you"))
        .then(&for_other_sockets(Op::SocketAttachment, &Code::default()))
        .then(&for_other_sockets(Op::SocketEventOf, &Code::default()))
        .then(&ask)
        .then(&for_other_sockets(Op::TopicsSubscribe, &Code::default().neighbours_topic()))
        .then(&for_other_sockets(Op::SocketClose, &Code::default().none().none()))
        .then(&for_other_sockets(Op::SocketFail, &Code::default().none()))
        .then(&for_other_sockets(Op::SocketTerminate, &Code::default()));
    add(&format!("{name}-other-sockets"), manner, &[upgrade(), others.clone()]);
    add(&format!("{name}-other-sockets-plain"), plain(kind), &[others]);
    let topics = code(Op::TopicsSubscribe)
        .none()
        .neighbours_topic()
        .op(Op::TopicsMembers)
        .byte(1)
        .neighbours_topic()
        .op(Op::TopicsMembers)
        .none()
        .op(Op::TopicsPublish)
        .neighbours_topic()
        .text("got you")
        .none()
        .op(Op::TopicsPublish)
        .neighbours_topic()
        .long(1 << 20)
        .byte(1)
        .none()
        .op(Op::TopicsUnsubscribe)
        .none()
        .neighbours_topic()
        .op(Op::TopicsSubscribe)
        .none()
        .long(257);
    add(&format!("{name}-topics"), manner, &[upgrade(), topics]);
}

/// What comes late, early or not at all.
fn misplaced(add: &mut Add<'_>, name: &str, kind: Kind) {
    let manner = of(kind);
    let send = |length| code(Op::SocketSendText).none().long(length);
    // An event that has been answered: the handshake's, and one that was kept.
    let of_socket = code(Op::SocketEventOf).none();
    let again = of_socket.clone().op(Op::WsUpgrade).byte(1).none().none().none().none();
    add(&format!("{name}-upgrades-again"), manner, &[upgrade(), again.clone(), again]);
    let late = of_socket
        .clone()
        .op(Op::StreamsStart)
        .byte(1)
        .number(200)
        .none()
        .none()
        .none()
        .then(&upgrade());
    add(&format!("{name}-streams-again"), manner, &[upgrade(), late]);
    add(&format!("{name}-handles"), manner, &[upgrade(), repeat(1 << 20, &of_socket)]);
    let leaves = Manner { client: Client::Leaves, ..manner };
    let sleep = |ns| code(Op::Sleep).number(ns);
    add(&format!("{name}-left-early"), leaves, &[upgrade().then(&sleep(1 << 25))]);
    let hangs_up = Manner { client: Client::HangsUp, ..manner };
    let slow = [upgrade(), sleep(1 << 24), send(5), sleep(u64::MAX)];
    add(&format!("{name}-hung-up"), hangs_up, &slow);
    let unread = [upgrade(), sleep(u64::MAX), send(5)];
    add(&format!("{name}-hung-up-unread"), hangs_up, &unread);
    let receive = code(Op::ReceiverReceive).none().byte(1).number(0);
    let receives = [upgrade(), receive.clone(), repeat(u64::MAX, &receive), send(1)];
    add(&format!("{name}-receives"), manner, &receives);
    let foreign = for_other_sockets(Op::ReceiverReceive, &Code::default().none());
    add(&format!("{name}-receives-others"), manner, &[upgrade(), foreign]);
    let turns = for_other_sockets(Op::TurnBegin, &Code::default());
    let own = code(Op::TurnBegin).none();
    add(&format!("{name}-turns"), manner, &[upgrade(), send(1).then(&own), turns, send(1)]);
}

/// Streams, and answers that name what they may not.
fn streams(add: &mut Add<'_>, name: &str, kind: Kind) {
    let manner = of(kind);
    let send = |length| code(Op::SocketSendText).none().long(length);
    let send_pieces = keep(Slot::Open, &send(5).then(&send(60_000)));
    add(&format!("{name}-stream"), plain(kind), &[send_pieces.clone().then(&stream())]);
    let bad = code(Op::StreamsStart)
        .none()
        .number(99)
        .one_field("content-length", "3")
        .long(1 << 20)
        .byte(1);
    add(&format!("{name}-stream-refused"), plain(kind), &[bad]);
    let abandons = Manner { abandons: true, ..plain(kind) };
    add(&format!("{name}-stream-abandoned"), abandons, &[send_pieces.then(&stream())]);
    let named = [
        code(Op::AnswerUpgrade).number(7).none(),
        code(Op::AnswerStream).number(7).number(200).none(),
        upgrade().op(Op::AnswerUpgrade).byte(2).none(),
        upgrade().op(Op::AnswerStream).byte(1).number(200).none(),
        upgrade().op(Op::AnswerResponse).number(200).none().none(),
        stream().op(Op::AnswerUpgrade).byte(1).none(),
    ];
    for (at, answer) in named.iter().enumerate() {
        add(&format!("{name}-answer-{at}"), manner, slice::from_ref(answer));
    }
}

/// Ends of an instance.
fn faults(add: &mut Add<'_>, name: &str, kind: Kind) {
    let manner = of(kind);
    let send = |length| code(Op::SocketSendText).none().long(length);
    for op in [Op::Trap, Op::Panic, Op::Loop, Op::Recurse] {
        let name = format!("{name}-{op:?}").to_lowercase();
        add(&name, manner, &[upgrade(), send(1), code(op), send(1)]);
    }
    let exit = |success| code(Op::Exit).byte(success);
    add(&format!("{name}-exit"), manner, &[upgrade(), exit(0), exit(1)]);
}

/// A session that asks for a message all the time, and goes on when its socket has ended.
fn waits(add: &mut Add<'_>) {
    let session = of(Kind::Session);
    for (name, wait) in [("polls", Some(0)), ("polls-1", Some(1)), ("waits", None)] {
        let receive = code(Op::ReceiverReceive).none();
        let receive = match wait {
            Some(ms) => receive.byte(1).number(ms),
            None => receive.none(),
        };
        let ends = keep(Slot::Open, &repeat(u64::MAX, &receive)).then(&upgrade());
        add(&format!("session-{name}-at-open"), session, &[ends, code(Op::SocketState).none()]);
        let own = [upgrade(), code(Op::SocketState).none(), repeat(u64::MAX, &receive)];
        add(&format!("session-{name}"), session, &own);
    }
}

/// Timers, many, soon and again.
fn timers(add: &mut Add<'_>) {
    let hooks = of(Kind::Hooks);
    let session = of(Kind::Session);
    let timers = |delay, repeats| code(Op::TimersSet).number(delay).byte(repeats);
    let timer = code(Op::SocketSendText).none().text("tick").then(&timers(0, 0));
    let many = repeat(20_000, &timers(0, 1));
    let cancel = code(Op::TimersCancel).number(1).op(Op::TimersCancel).number(u64::MAX);
    let kept = keep(Slot::Timer, &timer);
    add(
        "timers",
        hooks,
        &[upgrade(), kept.clone().then(&timers(0, 0)), many, timers(u32::MAX.into(), 1), cancel],
    );
    // Their calls take longer than their periods, so there is always one that waits.
    let slow = keep(Slot::Timer, &code(Op::Random).number(5_000));
    let several = repeat(500, &timers(0, 1));
    add("timers-at-the-end", hooks, &[upgrade(), slow, several.clone(), several.clone(), several]);
    let again = timers(0, 0).op(Op::TimersCancel).number(1);
    add("timers-cancelled", hooks, &[upgrade(), kept, repeat(50_000, &again)]);
    add("timers-without-hooks", session, &[timers(0, 0)]);
    let scoped = Manner { scoped: true, ..hooks };
    add("scoped", scoped, &[upgrade().then(&timers(0, 1)), code(Op::Trap)]);
}

/// Answers that HTTP does not allow, and large ones.
fn answers(add: &mut Add<'_>) {
    let route = of(Kind::Route);
    let hooks = of(Kind::Hooks);
    let session = of(Kind::Session);
    let responses = |headers: Code| code(Op::AnswerResponse).number(200).then(&headers).none();
    let headers = Code::default;
    add("headers", route, &[responses(headers().one_field("x-a", "b"))]);
    add("headers-connection", route, &[responses(headers().one_field("connection", "x"))]);
    add("headers-split", route, &[responses(headers().one_field("x-a", "1\r\nx-b: 2"))]);
    add("headers-different", route, &[responses(headers().different_fields(40_000))]);
    add("headers-same", route, &[responses(headers().same_fields(40_000, "x-a", 0))]);
    add("headers-large", route, &[responses(headers().same_fields(200_000, "x-a", 1 << 20))]);
    let upgrades = |headers: Code| code(Op::WsUpgrade).none().none().then(&headers).none().none();
    add("handshake-headers-different", hooks, &[upgrades(headers().different_fields(40_000))]);
    add("handshake-headers-large", hooks, &[upgrades(headers().same_fields(200_000, "x-a", 1024))]);
    let streams = code(Op::StreamsStart)
        .none()
        .number(200)
        .then(&headers().different_fields(40_000))
        .none()
        .none();
    add("stream-headers-different", session, &[streams]);
    for status in [0, 101, 199, 600, 65_535] {
        let response = code(Op::AnswerResponse).number(status).none().none();
        add(&format!("status-{status}"), route, &[response]);
        let error = code(Op::AnswerError).number(status).none().text("no");
        add(&format!("error-{status}"), route, &[error]);
    }
    let error = code(Op::AnswerError).number(426).one_field("upgrade", "websocket").long(1 << 25);
    add("error-large", route, &[error]);
    add("response-large", route, &[code(Op::AnswerResponse).number(200).none().long(1 << 23)]);
}

/// What middleware does around the rest of the chain.
fn middleware(add: &mut Add<'_>) {
    let middleware = of(Kind::Middleware);
    let hooks = of(Kind::Hooks);
    let ask = ask();
    let run = code(Op::NextRun).none();
    add("next", middleware, &[Code::default()]);
    add("next-twice", middleware, &[run.clone().then(&run)]);
    add("next-elsewhere", hooks, &[run.clone(), run.clone()]);
    let meddles = run
        .clone()
        .op(Op::SocketSendText)
        .byte(1)
        .text("got you")
        .op(Op::SocketTerminate)
        .byte(1)
        .op(Op::SocketEventOf)
        .byte(1)
        .then(&ask);
    add("next-meddles", middleware, slice::from_ref(&meddles));
    add("next-renames", middleware, &[meddles.op(Op::AnswerUpgrade).byte(2).none()]);
    add("next-traps", middleware, &[run.clone().op(Op::Trap)]);
    add("next-plain", plain(Kind::Middleware), &[run.clone().then(&upgrade()).then(&stream())]);
    add("next-of-none", middleware, &[code(Op::EventDrop).none()]);
}

/// What a guest asks of the system.
fn system(add: &mut Add<'_>) {
    let route = of(Kind::Route);
    let hooks = of(Kind::Hooks);
    let session = of(Kind::Session);
    let ask = ask();
    let system = code(Op::Print)
        .text("a line")
        .op(Op::PrintError)
        .long(100_000)
        .op(Op::Clock)
        .op(Op::ReadInput)
        .op(Op::Environment)
        .op(Op::OpenFile)
        .text("/etc/passwd")
        .op(Op::Connect)
        .byte(80)
        .op(Op::Poll)
        .number(100)
        .op(Op::Random)
        .number(1_000);
    add("system", plain(Kind::Route), slice::from_ref(&system));
    add("system-session", session, &[upgrade(), system]);
    add("print-flood", route, &[repeat(1 << 20, &code(Op::Print).long(10_000))]);
    for (at, length) in [1 << 20, 1 << 24, 1 << 26, u64::MAX].into_iter().enumerate() {
        add(&format!("random-{at}"), route, &[code(Op::Random).number(length)]);
    }
    add("poll-nothing", route, &[code(Op::Poll).number(0)]);
    add("poll-much", route, &[code(Op::Poll).number(9_000)]);
    add("poll-too-much", route, &[code(Op::Poll).number(15_000)]);
    add("sleep-long", route, &[code(Op::Sleep).number(u64::MAX)]);
    for pages in [1, 500, 1 << 16, 1 << 31] {
        add(&format!("grow-{pages}"), hooks, &[upgrade(), code(Op::Grow).number(pages)]);
    }
    add("nested", route, &[repeat(3, &repeat(3, &repeat(3, &repeat(3, &ask))))]);
}

/// Everything in the first granted folder and in the second; each path in each call.
fn files(add: &mut Add<'_>) {
    let hooks = of(Kind::Hooks);
    let session = of(Kind::Session);
    for folder in [0, 1] {
        let file = |op| code(op).byte(folder).byte(1 - folder);
        let paths = || (0..PATHS).map(|path| Code::default().byte(path));
        let open = |how, rights, path| file(Op::FileOpen).byte(how).byte(rights).byte(path);
        let each =
            |call: &dyn Fn(Code) -> Code| paths().map(call).reduce(|all, one| all.then(&one));
        let made = file(Op::FileMakeFolder)
            .byte(1)
            .then(&open(3, 3, 0))
            .op(Op::FileWrite)
            .byte(2)
            .none()
            .none()
            .text("something")
            .then(&open(3, 3, 2));
        let links = |link: Code| each(&|path| file(Op::FileSymlink).then(&path).then(&link));
        let link = links(Code::default().byte(3)).unwrap_or_default();
        let opens = each(&|path| file(Op::FileOpen).byte(3).byte(3).then(&path));
        let reads = (2..20).fold(Code::default(), |all, at| {
            all.op(Op::FileRead).byte(at).none().number(100).none().op(Op::FileList).byte(at).none()
        });
        let opens = made.clone().then(&link).then(&opens.unwrap_or_default()).then(&reads);
        add(&format!("files-open-{folder}"), plain(Kind::Route), &[opens]);
        let one_path = [Op::FileMakeFolder, Op::FileRemove, Op::FileRemoveFolder, Op::FileReadLink];
        for op in one_path {
            let calls = each(&|path| file(op).then(&path)).unwrap_or_default();
            let name = format!("files-{op:?}-{folder}").to_lowercase();
            add(&name, plain(Kind::Route), &[made.clone().then(&link).then(&calls)]);
        }
        for op in [Op::FileStat, Op::FileTouch] {
            let calls = each(&|path| file(op).byte(1).then(&path)).unwrap_or_default();
            let name = format!("files-{op:?}-{folder}").to_lowercase();
            add(&name, plain(Kind::Route), &[made.clone().then(&link).then(&calls)]);
        }
        let rename = each(&|path| {
            file(Op::FileRename)
                .then(&path)
                .byte(27)
                .then(&file(Op::FileRename))
                .byte(0)
                .then(&path)
        });
        let rename = made.clone().then(&link).then(&rename.unwrap_or_default());
        add(&format!("files-rename-{folder}"), plain(Kind::Route), &[rename]);
        let hard = each(&|path| {
            let to = file(Op::FileLink).byte(1).byte(0).then(&path);
            file(Op::FileLink).byte(1).then(&path).byte(27).then(&to)
        });
        let hard = made.clone().then(&link).then(&hard.unwrap_or_default());
        add(&format!("files-link-{folder}"), plain(Kind::Route), &[hard]);
        let symlinks = paths().map(|link| links(link).unwrap_or_default());
        let symlinks = symlinks.fold(made.clone(), |all, links| all.then(&links));
        add(&format!("files-symlink-{folder}"), plain(Kind::Route), &[symlinks]);
        let sizes = [1 << 18, (1 << 18) - 9_000, 1 << 40, u64::MAX].into_iter();
        let sizes = sizes.fold(made.clone(), |all, size| {
            let resize = all.op(Op::FileResize).byte(2).none().number(size);
            let write = resize.op(Op::FileWrite).byte(2).none().number(size).long(1 << 18);
            write.op(Op::FileStream).byte(2).none().number(size).long(1 << 19)
        });
        add(&format!("files-size-{folder}"), plain(Kind::Route), &[sizes]);
        let many = repeat(5_000, &open(1, 1, 6));
        add(&format!("files-many-{folder}"), hooks, &[upgrade(), many, reads]);
        let closed = code(Op::FileClose).none().op(Op::FileClose).none().then(&made);
        add(&format!("files-closed-{folder}"), session, &[upgrade(), closed]);
    }
}

/// A new version takes over while the guest runs.
fn swaps(add: &mut Add<'_>) {
    for (name, kind) in [("route", Kind::Route), ("hooks", Kind::Hooks), ("session", Kind::Session)]
    {
        let swaps = Manner { swaps: true, ..of(kind) };
        let say = code(Op::SocketSendText).none().text("before and after");
        let wait = code(Op::Sleep).number(1 << 24);
        add(&format!("swap-{name}"), swaps, &[upgrade(), say.clone(), wait.clone(), say.clone()]);
        add(&format!("swap-{name}-trap"), swaps, &[upgrade(), wait.clone(), code(Op::Trap)]);
        add(&format!("swap-{name}-loop"), swaps, &[upgrade(), code(Op::Loop)]);
        let timer = keep(Slot::Timer, &say).op(Op::TimersSet).number(1).byte(1);
        let scoped = Manner { scoped: true, ..swaps };
        add(&format!("swap-{name}-timer"), scoped, &[upgrade().then(&timer), wait.clone(), say]);
        let plain = Manner { plain: true, client: Client::Leaves, ..swaps };
        add(&format!("swap-{name}-left"), plain, &[stream().then(&wait)]);
    }
}

/// Calls while the host places what it answers.
fn reenters(add: &mut Add<'_>) {
    let hooks = of(Kind::Hooks);
    let session = of(Kind::Session);
    let ask = ask();
    let reenter = keep(Slot::Realloc, &code(Op::WsIsSupported)).then(&ask);
    add("reenter", hooks, &[reenter.clone(), reenter.clone()]);
    let reenter = keep(Slot::Realloc, &code(Op::SocketSendText).number(3).text("x")).then(&ask);
    add("reenter-send", hooks, &[upgrade(), reenter.clone(), reenter]);
    let reenter = |op| keep(Slot::Realloc, &code(op));
    add("reenter-trap", hooks, &[reenter(Op::Trap).then(&ask)]);
    add("reenter-loop", session, &[upgrade(), reenter(Op::Loop), ask.clone()]);
}

/// Each function below the bindings, with the arguments that it might have and with worse.
fn raw(add: &mut Add<'_>) {
    let route = of(Kind::Route);
    let hooks = of(Kind::Hooks);
    let ask = ask();
    // A call that traps ends its session.
    let apart = Manner { apart: true, ..hooks };
    // Each function below the bindings, with the arguments that it might have and with worse.
    for (fill, argument) in [(1, 2), (2, 2), (4, 3), (6, 4), (3, 5)] {
        let raw = |function| {
            let call = code(Op::Scratch).byte(fill).op(Op::Raw).byte(function);
            let call = if function < 25 { call.byte(1) } else { call.byte(6) };
            (0..9).fold(call, |call, _| call.byte(argument))
        };
        let calls: Vec<Code> =
            std::iter::once(upgrade()).chain((0..RAW_FUNCTIONS).map(raw)).collect();
        add(&format!("raw-{fill}-{argument}"), apart, &calls);
    }
    let numbers = |function| {
        let call = code(Op::Raw).byte(function);
        (0..10).fold(call, |call, at| match at % 3 {
            0 => call.byte(0).number(u32::MAX.into()),
            1 => call.byte(0).number(1 << 31),
            _ => call.byte(0).number(7),
        })
    };
    let calls: Vec<Code> =
        std::iter::once(upgrade()).chain((0..RAW_FUNCTIONS).map(numbers)).collect();
    add("raw-numbers", apart, &calls);
    let dropped = code(Op::Raw).none().byte(1).then(&ask);
    add("raw-dropped", route, slice::from_ref(&dropped));
    add("raw-dropped-twice", route, &[code(Op::Raw).none().byte(1).op(Op::Raw).none().byte(1)]);
}
