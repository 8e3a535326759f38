//! Frames, as a client sends and a server answers them (RFC 6455, section 5.2).

/// Any that is not zero, so that unmasking is work.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A masked text frame with a payload of this length.
pub(crate) fn text(size: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..size).map(|at| b'a' + (at % 26) as u8).collect();
    saying(&payload)
}

/// A masked text frame with this payload.
pub(crate) fn saying(payload: &[u8]) -> Vec<u8> {
    let mut frame = head(payload.len());
    frame[1] |= 0x80;
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The length of the same frame from the server.
pub(crate) fn answered(size: usize) -> usize {
    head(size).len() + size
}

fn head(size: usize) -> Vec<u8> {
    const FINAL_TEXT: u8 = 0x81;
    match size {
        0..=125 => vec![FINAL_TEXT, size as u8],
        126..=0xFFFF => [&[FINAL_TEXT, 126], &(size as u16).to_be_bytes()[..]].concat(),
        _ => [&[FINAL_TEXT, 127], &(size as u64).to_be_bytes()[..]].concat(),
    }
}
