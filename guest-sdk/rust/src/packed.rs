//! Short messages of several sockets, in the format of `batch.receive`: see the contract.

use crate::Message;

/// Messages of one socket, in order.
#[derive(Debug, Clone)]
pub(crate) struct Packed<'p>(&'p [u8]);

/// The sockets, one after the other, each with its messages.
pub(crate) fn turns(mut packed: &[u8]) -> impl Iterator<Item = (u32, Packed<'_>)> {
    std::iter::from_fn(move || {
        let Head { socket, .. } = Head::first(packed)?;
        let mut rest = packed;
        while let Some(head) = Head::first(rest).filter(|head| head.socket == socket) {
            rest = head.rest;
        }
        let own = &packed[..packed.len() - rest.len()];
        packed = rest;
        Some((socket, Packed(own)))
    })
}

struct Head<'p> {
    socket: u32,
    is_binary: bool,
    payload: &'p [u8],
    rest: &'p [u8],
}

impl<'p> Head<'p> {
    #[inline]
    fn first(packed: &'p [u8]) -> Option<Self> {
        let (socket, packed) = packed.split_first_chunk()?;
        let (length, packed) = packed.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        let (payload, rest) = packed.split_at_checked((length >> 1) as usize)?;
        let socket = u32::from_le_bytes(*socket);
        Some(Self { socket, is_binary: length & 1 == 1, payload, rest })
    }
}

impl Iterator for Packed<'_> {
    type Item = Message;

    #[inline]
    fn next(&mut self) -> Option<Message> {
        let Head { is_binary, payload, rest, .. } = Head::first(self.0)?;
        self.0 = rest;
        Some(match is_binary {
            true => Message::Binary(payload.to_vec()),
            false => Message::Text(text(payload)),
        })
    }
}

/// The host has checked that it is UTF-8. To check again costs less than to replace what is not.
fn text(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(payload).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(messages: &[(u32, Message)]) -> Vec<u8> {
        let mut packed = Vec::new();
        for (socket, message) in messages {
            let binary = u32::from(matches!(message, Message::Binary(_)));
            packed.extend(socket.to_le_bytes());
            packed.extend((message.bytes().len() as u32 * 2 + binary).to_le_bytes());
            packed.extend(message.bytes());
        }
        packed
    }

    fn unpacked(packed: &[u8]) -> Vec<(u32, Vec<Message>)> {
        turns(packed).map(|(socket, messages)| (socket, messages.collect())).collect()
    }

    #[test]
    fn each_socket_has_its_turn_with_all_its_messages() {
        let (text, binary, empty) = ("é".into(), Message::from(vec![0xFF; 300]), "".into());
        let all = [(7, text), (7, empty), (9, binary), (7, "again".into())];
        let turns = unpacked(&pack(&all));
        let [(_, text), (_, empty), (_, binary), (_, again)] = all;
        assert_eq!(turns, [(7, vec![text, empty]), (9, vec![binary]), (7, vec![again])]);
    }

    #[test]
    fn what_is_cut_off_is_no_message() {
        let packed = pack(&[(1, "a".into()), (2, "bc".into())]);
        for end in 0..packed.len() {
            let turns = unpacked(&packed[..end]);
            assert_eq!(turns.len(), usize::from(end >= 9), "{end}");
        }
    }
}
