//! Runs programs.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Read as _;
use std::time::{Instant, SystemTime};

use crate::bindings::event::Event;
use crate::bindings::http::{Body, HttpError, Response};
use crate::bindings::outcome::Outcome;
use crate::bindings::receiver::Received;
use crate::bindings::socket::{MessageParam, MessageResult};
use crate::bindings::streams::{Started, StreamOptions};
use crate::bindings::ws::{Accepted, UpgradeOptions};
use crate::bindings::{
    monotonic_clock, next, poll, random, receiver, socket, streams, timers, topics, turn, ws,
};
use crate::files::Files;
use crate::op::{Op, Slot};
use crate::program::Program;
use crate::{raw, realloc};

/// Events that a program may keep: more than the host lets it.
const KEPT: usize = 20_000;

/// How many there are of [`Slot`].
const SLOTS: usize = 5;

/// Of what the calls answered, in bytes.
const MAX_TRANSCRIPT: usize = 32 * 1024;

/// Of code in code.
const MAX_DEPTH: usize = 4;

/// The component, of each kind.
pub struct Component;

thread_local! {
    static MACHINE: RefCell<Machine> = RefCell::default();
}

/// What an instance remembers from one program to the next.
#[derive(Default)]
pub(crate) struct Machine {
    /// The current one first.
    events: Vec<Event>,
    /// What the current call is for.
    socket: u32,
    accepted: u32,
    answer: Option<Answer>,
    kept: [Vec<u8>; SLOTS],
    files: Files,
    /// What the calls answered.
    transcript: Vec<u8>,
    depth: usize,
}

type Answer = Result<Outcome, HttpError>;

impl Machine {
    /// Runs a program to its end, or until it asks for what it has not.
    pub(crate) fn run(&mut self, code: &[u8]) {
        if self.depth == MAX_DEPTH {
            return;
        }
        self.depth += 1;
        let mut program = Program::new(code);
        while let Some(op) = program.op() {
            self.step(op, &mut program);
        }
        self.depth -= 1;
    }

    fn run_kept(&mut self, slot: Slot) {
        let code = self.kept[slot as usize].clone();
        self.run(&code);
    }

    fn step(&mut self, op: Op, program: &mut Program<'_>) {
        match op {
            Op::EventId
            | Op::EventMethod
            | Op::EventUri
            | Op::EventPath
            | Op::EventQuery
            | Op::EventScheme
            | Op::EventAuthority
            | Op::EventHeaders
            | Op::EventHeader
            | Op::EventRoute
            | Op::EventParams
            | Op::EventParam
            | Op::EventClientAddress
            | Op::EventBody
            | Op::EventLocal
            | Op::EventSetLocal
            | Op::EventDrop
            | Op::WsIsUpgradeRequest
            | Op::WsRequestedProtocols
            | Op::WsUpgrade
            | Op::StreamsStart
            | Op::NextRun => {
                let index = usize::from(program.byte());
                if !self.events.is_empty() {
                    self.with_event(op, index % self.events.len(), program);
                }
            }
            Op::WsIsSupported => self.note(&[ws::is_supported().into()]),
            Op::SocketSendText
            | Op::SocketSendBinary
            | Op::SocketClose
            | Op::SocketFail
            | Op::SocketTerminate
            | Op::SocketState
            | Op::SocketProtocol
            | Op::SocketBufferedAmount
            | Op::SocketEventOf
            | Op::SocketAttachment
            | Op::SocketSetAttachment
            | Op::TopicsSubscribe
            | Op::TopicsUnsubscribe
            | Op::TopicsSubscriptions
            | Op::ReceiverReceive
            | Op::TurnBegin => {
                let id = self.id(program);
                self.with_socket(op, id, program);
            }
            Op::TopicsPublish => {
                let (topic, text) = (program.text(), program.text());
                let not_to = program.optional(|program| self.id(program));
                let heard = topics::publish(&topic, MessageParam::Text(&text), not_to);
                self.note(&heard.to_le_bytes());
            }
            Op::TopicsMembers => {
                let topic = program.optional(Program::text);
                let members = topics::members(topic.as_deref());
                self.note_debug(&members);
            }
            Op::TimersSet => {
                let set = timers::set(program.u32(), program.byte() & 1 == 1);
                self.note_debug(&set);
            }
            Op::TimersCancel => timers::cancel(program.u32()),
            Op::Print => println!("{}", program.text()),
            Op::PrintError => eprintln!("{}", program.text()),
            Op::Random => drop(random::get_random_bytes(program.number())),
            Op::Sleep => monotonic_clock::subscribe_duration(program.number()).block(),
            Op::Poll => {
                let count = program.number().min(KEPT as u64);
                let waits: Vec<_> =
                    (0..count).map(|_| monotonic_clock::subscribe_duration(0)).collect();
                let ready = poll::poll(&waits.iter().collect::<Vec<_>>());
                self.note_debug(&ready.len());
            }
            Op::Clock => drop(black_box((Instant::now(), SystemTime::now()))),
            Op::ReadInput => {
                let mut input = [0; 64];
                let read = std::io::stdin().read(&mut input);
                self.note_debug(&read.ok());
            }
            Op::Environment => {
                let all: Vec<_> = std::env::vars_os().collect();
                self.note_debug(&(all, std::env::args_os().collect::<Vec<_>>()));
            }
            Op::OpenFile => {
                let opened = std::fs::read(program.text());
                self.note_debug(&opened.ok());
            }
            Op::FileOpen
            | Op::FileRead
            | Op::FileWrite
            | Op::FileResize
            | Op::FileList
            | Op::FileMakeFolder
            | Op::FileRemove
            | Op::FileRemoveFolder
            | Op::FileRename
            | Op::FileLink
            | Op::FileSymlink
            | Op::FileReadLink
            | Op::FileStat
            | Op::FileTouch
            | Op::FileStream
            | Op::FileClose => {
                let said = self.files.step(op, program);
                self.note(said.as_bytes());
            }
            Op::Connect => {
                let port = u16::from(program.byte()) + 1024;
                let connected = std::net::TcpStream::connect(("127.0.0.1", port));
                self.note_debug(&connected.is_ok());
            }
            Op::Exit => std::process::exit(program.byte().into()),
            Op::AnswerResponse => {
                let (status, headers) = (program.u16(), program.fields());
                let body = Body::Text(program.text());
                self.answer = Some(Ok(Outcome::Response(Response { status, headers, body })));
            }
            Op::AnswerUpgrade => {
                let (socket, headers) = (self.id(program), program.fields());
                self.answer = Some(Ok(Outcome::Upgrade(Accepted { socket, headers })));
            }
            Op::AnswerStream => {
                let (socket, status, headers) = (self.id(program), program.u16(), program.fields());
                self.answer = Some(Ok(Outcome::Streamed(Started { socket, status, headers })));
            }
            Op::AnswerError => {
                let (status, headers) = (program.u16(), program.fields());
                self.answer = Some(Err(HttpError { status, headers, message: program.text() }));
            }
            Op::Trap => std::arch::wasm32::unreachable(),
            Op::Panic => panic!("as told"),
            Op::Loop => spin(),
            Op::Recurse => {
                black_box(recurse(0));
            }
            Op::Grow => {
                let pages = usize::try_from(program.number()).unwrap_or(usize::MAX);
                self.note_debug(&std::arch::wasm32::memory_grow(0, pages));
            }
            Op::Keep => {
                let slot = usize::from(program.byte()) % SLOTS;
                let code = program.code().to_vec();
                match slot == Slot::Realloc as usize {
                    true => realloc::run_next(code),
                    false => self.kept[slot] = code,
                }
            }
            Op::Repeat => {
                let (times, code) = (program.number(), program.code());
                for _ in 0..times {
                    self.run(code);
                }
            }
            Op::Scratch => raw::fill(program),
            Op::Raw => {
                let event = self.events.first().map_or(0, Event::handle);
                raw::call(program, event, self.socket);
            }
        }
    }

    fn with_event(&mut self, op: Op, index: usize, program: &mut Program<'_>) {
        let event = &self.events[index];
        match op {
            Op::EventId => self.note(event.id().as_bytes()),
            Op::EventMethod => self.note(event.method().as_bytes()),
            Op::EventUri => self.note(event.uri().as_bytes()),
            Op::EventPath => self.note(event.path().as_bytes()),
            Op::EventQuery => self.note_debug(&event.query()),
            Op::EventScheme => self.note(event.scheme().as_bytes()),
            Op::EventAuthority => self.note(event.authority().as_bytes()),
            Op::EventHeaders => self.note_debug(&event.headers()),
            Op::EventHeader => self.note_debug(&event.header(&program.text())),
            Op::EventRoute => self.note(event.route().as_bytes()),
            Op::EventParams => self.note_debug(&event.params()),
            Op::EventParam => self.note_debug(&event.param(&program.text())),
            Op::EventClientAddress => self.note(event.client_address().as_bytes()),
            Op::EventBody => self.note(&event.body()),
            Op::EventLocal => self.note_debug(&event.local(&program.text())),
            Op::EventSetLocal => event.set_local(&program.text(), &program.text()),
            Op::EventDrop => drop(self.events.swap_remove(index)),
            Op::WsIsUpgradeRequest => self.note(&[ws::is_upgrade_request(event).into()]),
            Op::WsRequestedProtocols => self.note_debug(&ws::requested_protocols(event)),
            Op::WsUpgrade => {
                let protocol = program.optional(Program::text);
                let (headers, attachment) = (program.fields(), program.bytes());
                let pinned = program.byte() & 1 == 1;
                let headers = &borrowed(&headers);
                let (protocol, attachment) = (protocol.as_deref(), &*attachment);
                let options = UpgradeOptions { protocol, headers, attachment, pinned };
                match ws::upgrade(event, options) {
                    Ok(accepted) => {
                        self.accepted = accepted.socket;
                        self.answer = Some(Ok(Outcome::Upgrade(accepted)));
                    }
                    Err(error) => self.answer = Some(Err(error)),
                }
            }
            Op::StreamsStart => {
                let (status, headers) = (program.u16(), program.fields());
                let (attachment, pinned) = (program.bytes(), program.byte() & 1 == 1);
                let headers = &borrowed(&headers);
                let options = StreamOptions { status, headers, attachment: &attachment, pinned };
                match streams::start(event, options) {
                    Ok(started) => {
                        self.accepted = started.socket;
                        self.answer = Some(Ok(Outcome::Streamed(started)));
                    }
                    Err(error) => self.answer = Some(Err(error)),
                }
            }
            Op::NextRun => {
                let answer = next::run(event);
                if let Ok(Outcome::Upgrade(Accepted { socket, .. })) = &answer {
                    self.accepted = *socket;
                }
                self.answer.get_or_insert(answer);
            }
            _ => {}
        }
    }

    fn with_socket(&mut self, op: Op, id: u32, program: &mut Program<'_>) {
        match op {
            Op::SocketSendText => {
                let sent = socket::send(id, MessageParam::Text(&program.text()));
                self.note_debug(&sent);
            }
            Op::SocketSendBinary => {
                let sent = socket::send(id, MessageParam::Binary(&program.bytes()));
                self.note_debug(&sent);
            }
            Op::SocketClose => {
                let closed = socket::close(id, program.optional(Program::u16), &program.text());
                self.note_debug(&closed);
            }
            Op::SocketFail => socket::fail(id, &program.text()),
            Op::SocketTerminate => socket::terminate(id),
            Op::SocketState => self.note_debug(&socket::state(id)),
            Op::SocketProtocol => self.note_debug(&socket::protocol(id)),
            Op::SocketBufferedAmount => self.note_debug(&socket::buffered_amount(id)),
            Op::SocketEventOf => {
                if self.events.len() < KEPT {
                    self.events.extend(socket::event_of(id));
                }
            }
            Op::SocketAttachment => self.note(&socket::attachment(id)),
            Op::SocketSetAttachment => {
                let set = socket::set_attachment(id, &program.bytes());
                self.note_debug(&set);
            }
            Op::TopicsSubscribe => {
                let subscribed = topics::subscribe(id, &program.text());
                self.note_debug(&subscribed);
            }
            Op::TurnBegin => turn::begin(id),
            Op::TopicsUnsubscribe => topics::unsubscribe(id, &program.text()),
            Op::TopicsSubscriptions => self.note_debug(&topics::subscriptions(id)),
            Op::ReceiverReceive => {
                let received = receiver::receive(id, program.optional(Program::u32));
                self.note_debug(&received);
            }
            _ => {}
        }
    }

    fn id(&self, program: &mut Program<'_>) -> u32 {
        match program.u32() {
            0 => self.socket,
            1 => self.accepted,
            2 => self.accepted.wrapping_add(1),
            id => id,
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        let room = MAX_TRANSCRIPT - self.transcript.len();
        self.transcript.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn note_debug(&mut self, value: &impl std::fmt::Debug) {
        self.note(format!("{value:?}").as_bytes());
    }

    /// Runs the program in an event's body.
    fn handle(&mut self, event: Event, otherwise: impl FnOnce(&mut Self) -> Answer) -> Answer {
        let code = event.body();
        self.events.insert(0, event);
        self.answer = None;
        self.transcript.clear();
        self.run(&code);
        let answer = self.answer.take();
        answer.unwrap_or_else(|| otherwise(self))
    }

    fn respond(&mut self) -> Answer {
        let body = Body::Bytes(std::mem::take(&mut self.transcript));
        Ok(Outcome::Response(Response { status: 200, headers: Vec::new(), body }))
    }

    /// Runs the program in a message, and sends back what its calls answered.
    fn hear(&mut self, message: &MessageResult) {
        self.transcript.clear();
        match message {
            MessageResult::Text(text) => self.run(text.as_bytes()),
            MessageResult::Binary(bytes) => self.run(bytes),
        }
        if !self.transcript.is_empty() {
            let transcript = std::mem::take(&mut self.transcript);
            // The program may have closed it.
            let _ = socket::send(self.socket, MessageParam::Binary(&transcript));
        }
    }
}

/// Runs something with what the instance remembers.
fn with<T>(run: impl FnOnce(&mut Machine) -> T) -> T {
    MACHINE.with_borrow_mut(|machine| {
        machine.depth = 0;
        run(machine)
    })
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns).wrapping_add(1);
    }
}

#[expect(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth) + 1)) + 1
}

impl crate::bindings::handler::exports::lithe::plugin::handler::Guest for Component {
    fn handle(event: Event) -> Answer {
        with(|machine| machine.handle(event, Machine::respond))
    }
}

impl crate::bindings::middleware::exports::lithe::plugin::middleware::Guest for Component {
    fn handle(event: Event) -> Answer {
        with(|machine| {
            machine.handle(event, |machine| match machine.events.first() {
                Some(event) => next::run(event),
                None => machine.respond(),
            })
        })
    }
}

impl crate::bindings::hooks::exports::lithe::plugin::hooks::Guest for Component {
    fn open(socket: u32) {
        with(|machine| {
            machine.socket = socket;
            machine.run_kept(Slot::Open);
        });
    }

    fn receive(socket: u32, messages: Vec<MessageResult>) {
        with(|machine| {
            machine.socket = socket;
            messages.iter().for_each(|message| machine.hear(message));
        });
    }

    fn drain(socket: u32) {
        with(|machine| {
            machine.socket = socket;
            machine.run_kept(Slot::Drain);
        });
    }

    fn close(socket: u32, _: crate::bindings::socket::CloseInfo) {
        with(|machine| {
            machine.socket = socket;
            machine.run_kept(Slot::Close);
        });
    }

    fn timer(_: u32) {
        with(|machine| machine.run_kept(Slot::Timer));
    }
}

impl crate::bindings::batch::exports::lithe::plugin::batch::Guest for Component {
    fn receive(messages: Vec<u8>) {
        with(|machine| {
            let (mut left, mut is_first) = (&*messages, true);
            while let Some((socket, message, rest)) = first_packed(left) {
                if !is_first && socket != machine.socket {
                    turn::begin(socket);
                }
                (machine.socket, is_first, left) = (socket, false, rest);
                machine.hear(&MessageResult::Binary(message.to_vec()));
            }
        });
    }
}

/// The socket of the first message, its payload, and the messages behind it.
fn first_packed(packed: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (socket, packed) = packed.split_first_chunk()?;
    let (length, packed) = packed.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) >> 1;
    let (payload, rest) = packed.split_at_checked(length as usize)?;
    Some((u32::from_le_bytes(*socket), payload, rest))
}

impl crate::bindings::session::exports::lithe::plugin::session::Guest for Component {
    fn run(socket: u32) {
        with(|machine| {
            machine.socket = socket;
            machine.run_kept(Slot::Open);
            while let Received::Message(message) = receiver::receive(socket, None) {
                machine.hear(&message);
            }
            machine.run_kept(Slot::Close);
        });
    }
}
