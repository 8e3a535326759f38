//! Reads a program.

use crate::op::Op;

/// The longest text that is made of a number, in bytes.
const LONGEST: u64 = 32 * 1024 * 1024;

/// A topic that the neighbour's sockets hear.
const NEIGHBOURS_TOPIC: &str = "all";

/// Names that a guest may not set, and some that it may.
const NAMES: [&str; 10] = [
    "x-a",
    "connection",
    "content-length",
    "transfer-encoding",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "set-cookie",
    "upgrade",
    "",
    "bad name",
];

/// Paths in a granted folder, and out of it. The granted folders are `data` and `read`, beside
/// `secret`.
const PATHS: [&str; 28] = [
    "file",
    "folder",
    "folder/file",
    "link",
    "link/file",
    "link/secret",
    ".",
    "..",
    "../secret",
    "../../outside",
    "../../outside/secret",
    "../read/file",
    "../data/file",
    "/",
    "/etc/passwd",
    "/data/file",
    "/dev/zero",
    "/proc/self/fd/0",
    "folder/../../secret",
    "folder/..",
    "link/..",
    "link/../..",
    "",
    "./file/",
    "folder//file",
    "a\0b",
    "\u{e9}",
    "new",
];

/// What is left of a program.
#[derive(Clone, Copy, Debug)]
pub struct Program<'p>(&'p [u8]);

impl<'p> Program<'p> {
    /// From the beginning.
    pub fn new(bytes: &'p [u8]) -> Self {
        Self(bytes)
    }

    /// The next operation; none at the end.
    pub fn op(&mut self) -> Option<Op> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(Op::ALL[usize::from(*first) % Op::ALL.len()])
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// A number.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            240 => self.little_endian(1),
            241 => self.little_endian(2),
            242 => self.little_endian(4),
            243 => self.little_endian(8),
            244 => 1 << (self.byte() % 64),
            245 => u8::MAX.into(),
            246 => u16::MAX.into(),
            247 => u32::MAX.into(),
            248 => u64::MAX,
            249 => 0x7fff_ffff,
            small => small.into(),
        }
    }

    /// The lower bits of a number.
    pub fn u32(&mut self) -> u32 {
        self.number() as u32
    }

    /// The lower bits of a number.
    pub fn u16(&mut self) -> u16 {
        self.number() as u16
    }

    /// Text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// A path.
    pub fn path(&mut self) -> String {
        match self.byte() {
            number @ 0..128 => PATHS[usize::from(number) % PATHS.len()].to_owned(),
            length => String::from_utf8_lossy(self.take(usize::from(length - 128))).into_owned(),
        }
    }

    /// Bytes.
    pub fn bytes(&mut self) -> Vec<u8> {
        match self.byte() {
            1 => NEIGHBOURS_TOPIC.into(),
            2 => {
                let length = self.number();
                self.take(usize::try_from(length).unwrap_or(usize::MAX)).to_vec()
            }
            3 => vec![b'x'; self.length(1)],
            4 => "é".repeat(self.length(2)).into(),
            5 => NAMES[usize::from(self.byte()) % NAMES.len()].into(),
            6 => b"1\r\nx-injected: 2".to_vec(),
            _ => Vec::new(),
        }
    }

    /// Names and values.
    pub fn fields(&mut self) -> Vec<(String, String)> {
        match self.byte() {
            1 => vec![(self.text(), self.text())],
            2 => {
                let count = self.number().min(200_000) as usize;
                let field = (self.text(), self.text());
                // As many as the memory has room for, and a little more.
                let count = match field.0.len() + field.1.len() {
                    0..100 => count,
                    length => count.min(LONGEST as usize / length + 1),
                };
                vec![field; count]
            }
            3 => {
                let count = self.number().min(200_000);
                (0..count).map(|number| (format!("x-{number}"), String::new())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Something, or nothing.
    pub fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.byte() != 0).then(|| read(self))
    }

    /// Code to be run later.
    pub fn code(&mut self) -> &'p [u8] {
        let length = self.number();
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn length(&mut self, size: u64) -> usize {
        self.number().min(LONGEST / size) as usize
    }

    fn little_endian(&mut self, count: usize) -> u64 {
        let mut number = [0; 8];
        let taken = self.take(count);
        number[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(number)
    }

    /// The next bytes, or what is left.
    fn take(&mut self, count: usize) -> &'p [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_an_operation_and_what_is_missing_is_0() {
        for byte in 0..=u8::MAX {
            let mut program = Program::new(std::slice::from_ref(&byte));
            assert!(program.op().is_some());
            assert_eq!((program.number(), program.text(), program.op()), (0, String::new(), None));
        }
    }

    #[test]
    fn arguments_are_read_as_the_table_says() {
        let mut program = Program::new(&[7, 241, 1, 2, 244, 10, 247, 3, 4, 2, 2, 104, 105, 1, 9]);
        let numbers = [program.number(), program.number(), program.number(), program.number()];
        assert_eq!(numbers, [7, 0x0201, 1024, u32::MAX.into()]);
        assert_eq!((program.text(), program.text()), ("xxxx".into(), "hi".into()));
        assert_eq!(program.optional(Program::number), Some(9));
    }

    #[test]
    fn many_fields_fit_the_memory() {
        let mut program = Program::new(&[2, 248, 3, 247, 3, 247]);
        assert_eq!(program.fields().len(), 1);
        assert_eq!(Program::new(&[3, 248]).fields().len(), 200_000);
    }
}
