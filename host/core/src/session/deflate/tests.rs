use super::*;
use crate::session::frame::masked;

const SITE: config::Deflate =
    config::Deflate { enabled: true, window_bits: 15, context_takeover: true };

fn offered(offer: &str) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer.parse().unwrap());
    Agreed::on(&headers, &SITE).map(|agreed| agreed.answer())
}

fn agreed(offer: &str) -> Agreed {
    Agreed::on_offer(offer, &SITE).unwrap()
}

fn rewritten(inflater: &mut Inflater, frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    inflater.push(frames, &mut out);
    out
}

#[test]
fn the_first_acceptable_offer_is_taken() {
    assert_eq!(offered("permessage-deflate").as_deref(), Some("permessage-deflate"));
    assert_eq!(
        offered("permessage-deflate; client_max_window_bits").as_deref(),
        Some("permessage-deflate")
    );
    assert_eq!(
        offered("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9")
            .as_deref(),
        Some("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9")
    );
    assert_eq!(
        offered("permessage-deflate; server_max_window_bits=8, permessage-deflate").as_deref(),
        Some("permessage-deflate"),
        "zlib has no window of 8 bits"
    );
    for refused in [
        "x-webkit-deflate-frame",
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
    ] {
        assert_eq!(offered(refused), None, "{refused}");
    }
}

#[test]
fn what_is_kept_of_a_frame_that_is_not_complete_is_counted() {
    let agreed = agreed("permessage-deflate");
    let mut inflater = Inflater::new(&agreed, 1 << 20);
    let compressed = Deflater::new(&agreed).message(b"hello");
    let frame = masked(FIN | RSV1 | 1, &compressed);
    let (begun, rest) = frame.split_at(frame.len() - 1);
    rewritten(&mut inflater, begun);
    assert_eq!(inflater.kept(), compressed.len() - 1);
    rewritten(&mut inflater, rest);
    assert_eq!(inflater.kept(), 0);
}

#[test]
fn what_is_deflated_is_inflated_to_the_same() {
    for offer in [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    ] {
        let agreed = agreed(offer);
        let (mut deflater, mut inflater) =
            (Deflater::new(&agreed), Inflater::new(&agreed, 1 << 20));
        for payload in [&b""[..], b"a", b"hello hello hello", &[7; 100_000], b"hello hello hello"] {
            let compressed = deflater.message(payload);
            let frames = rewritten(&mut inflater, &masked(FIN | RSV1 | 1, &compressed));
            let mut expected = Vec::new();
            encode_masked_header(&mut expected, FIN | 1, payload.len() as u64);
            expected.extend_from_slice(payload);
            assert_eq!(frames, expected);
        }
    }
}

#[test]
fn fragments_and_control_frames_between_them_keep_their_order() {
    let agreed = agreed("permessage-deflate");
    let compressed = Deflater::new(&agreed).message(b"fragmented, fragmented");
    let (one, two) = compressed.split_at(compressed.len() / 2);
    let mut bytes = masked(RSV1 | 2, one);
    let ping = masked(FIN | 9, b"ping");
    bytes.extend_from_slice(&ping);
    bytes.extend_from_slice(&masked(FIN, two));
    let mut inflater = Inflater::new(&agreed, 1024);
    // One byte at a time: the result does not depend on how the bytes arrive.
    let frames: Vec<u8> = bytes.chunks(1).flat_map(|byte| rewritten(&mut inflater, byte)).collect();
    let at = frames.windows(ping.len()).position(|window| window == ping).unwrap();
    assert_eq!(frames[0], 2);
    assert_eq!(frames[at + ping.len()], FIN);
}

#[test]
fn frames_without_compression_pass_as_they_are() {
    let mut inflater = Inflater::new(&agreed("permessage-deflate"), 1024);
    for frame in [masked(FIN | 1, b"plain"), masked(FIN | 8, b""), masked(FIN | RSV1 | 9, b"x")] {
        assert_eq!(rewritten(&mut inflater, &frame), frame);
    }
}

#[test]
fn a_bomb_is_refused_by_its_inflated_length() {
    let agreed = agreed("permessage-deflate");
    let compressed = Deflater::new(&agreed).message(&[0; 1 << 20]);
    assert!(compressed.len() < 100_000);
    let frames =
        rewritten(&mut Inflater::new(&agreed, 100_000), &masked(FIN | RSV1 | 2, &compressed));
    let mut expected = Vec::new();
    encode_masked_header(&mut expected, FIN | 2, 100_001);
    assert_eq!(frames, expected);
}

#[test]
fn what_does_not_inflate_is_refused_by_reserved_bits() {
    let mut inflater = Inflater::new(&agreed("permessage-deflate"), 1024);
    let frames = rewritten(&mut inflater, &masked(FIN | RSV1 | 2, &[0xFF; 9]));
    assert_eq!(frames[0] & 0x70, 0x70);
}
