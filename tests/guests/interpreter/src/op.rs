//! What a program is made of. The fuzz target's seeds are written in these terms, too.
//!
//! A program is operations, one after the other: a byte, modulo the number of operations, and then
//! its arguments. Where the bytes end, every argument is 0.
//!
//! | argument | bytes |
//! |---|---|
//! | number | below 240 itself; 240 to 243: the next 1, 2, 4 or 8 bytes; 244: 2 to the power of the next byte; 245 to 248: the largest of 8, 16, 32 and 64 bits; 249: the largest `i32` |
//! | text | 0: none; 1: the neighbour's topic; 2: the next number of bytes; 3: a number of `x`, at most 32 MiB; 4: a number of `é`; 5: a header's name, by the next byte; 6: what would split a header |
//! | bytes | as text |
//! | fields | 0: none; 1: a name and a value; 2: a number of the same; 3: a number of different names |
//! | optional | 0: none; else what follows |
//! | socket | 0: the current one; 1: the last that was accepted; 2: the one after it; else a number |
//! | path | a byte below 128: of a list, modulo its length; else as many bytes as it says over 128 |
//! | event | a byte, modulo the events that are kept |
//! | code | a number of bytes, and these, to be run later |
//! | raw | 0: a number; 1: the current event's handle; 2: the scratch memory; 3: the same, not aligned; 4: the end of memory; 5: 4 bytes before it; 6: the current socket |

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a program can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Op {
            $($(#[$doc])* $name,)*
        }

        impl Op {
            /// All of them, in the order of their bytes.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

operations! {
    // `event`; each begins with an event.
    EventId,
    EventMethod,
    EventUri,
    EventPath,
    EventQuery,
    EventScheme,
    EventAuthority,
    EventHeaders,
    /// Text.
    EventHeader,
    EventRoute,
    EventParams,
    /// Text.
    EventParam,
    EventClientAddress,
    EventBody,
    /// Text.
    EventLocal,
    /// Text, text.
    EventSetLocal,
    /// Drops the handle.
    EventDrop,

    // `ws`.
    WsIsSupported,
    /// Event.
    WsIsUpgradeRequest,
    /// Event.
    WsRequestedProtocols,
    /// Event, optional text, fields, bytes, a byte: pinned if odd.
    WsUpgrade,

    // `streams`.
    /// Event, number, fields, bytes, a byte: pinned if odd.
    StreamsStart,

    // `socket`; each begins with a socket.
    /// Text.
    SocketSendText,
    /// Bytes.
    SocketSendBinary,
    /// Optional number, text.
    SocketClose,
    /// Text.
    SocketFail,
    SocketTerminate,
    SocketState,
    SocketProtocol,
    SocketBufferedAmount,
    /// Keeps the event.
    SocketEventOf,
    SocketAttachment,
    /// Bytes.
    SocketSetAttachment,

    // `topics`.
    /// Socket, text.
    TopicsSubscribe,
    /// Socket, text.
    TopicsUnsubscribe,
    /// Socket.
    TopicsSubscriptions,
    /// Text, text, optional socket.
    TopicsPublish,
    /// Optional text.
    TopicsMembers,

    // `timers`.
    /// Number, a byte: repeats if odd.
    TimersSet,
    /// Number.
    TimersCancel,

    // `receiver`, `next`: also where the component's kind has none.
    /// Socket, optional number.
    ReceiverReceive,
    /// Event. What it answers is answered, unless something else is.
    NextRun,

    // WASI.
    /// Text, to standard output.
    Print,
    /// Text, to standard error.
    PrintError,
    /// Number of bytes.
    Random,
    /// Number of nanoseconds.
    Sleep,
    /// Number of pollables, all in one list.
    Poll,
    Clock,
    ReadInput,
    Environment,
    /// Text: a path.
    OpenFile,
    /// A byte: the port's lower half.
    Connect,
    /// A byte: success if 0.
    Exit,

    // The answer of a handler.
    /// Number, fields, text.
    AnswerResponse,
    /// Socket, fields.
    AnswerUpgrade,
    /// Socket, number, fields.
    AnswerStream,
    /// Number, fields, text.
    AnswerError,

    // What the instance does to itself.
    Trap,
    Panic,
    Loop,
    Recurse,
    /// Number of pages of 64 KiB.
    Grow,
    /// A byte: the slot; code.
    Keep,
    /// Number, code: runs it as often.
    Repeat,

    // Below the bindings.
    /// A byte: how it is filled.
    Scratch,
    /// A byte: the function; as many raw arguments as it has.
    Raw,

    // `turn`.
    /// Socket.
    TurnBegin,

    // `wasi:filesystem`; each begins with two bytes: the file or folder, modulo what is open, and
    // another one.
    /// A byte: how, and follows a link if odd; a byte: the rights; path. Keeps what it opens.
    FileOpen,
    /// Number of bytes, number: where.
    FileRead,
    /// Number: where; bytes.
    FileWrite,
    /// Number.
    FileResize,
    FileList,
    /// Path.
    FileMakeFolder,
    /// Path.
    FileRemove,
    /// Path.
    FileRemoveFolder,
    /// Path, path in the other one.
    FileRename,
    /// A byte: follows if odd; path, path in the other one.
    FileLink,
    /// Path: where it leads; path.
    FileSymlink,
    /// Path.
    FileReadLink,
    /// A byte: follows if odd; path.
    FileStat,
    /// A byte: follows if odd; path.
    FileTouch,
    /// Number: where; bytes.
    FileStream,
    /// Of this one, only the first byte.
    FileClose,
}

/// When code that was kept is run, by its byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Slot {
    Open,
    Drain,
    Close,
    Timer,
    /// Inside `cabi_realloc`, once: while the host places what it answers.
    Realloc,
}
