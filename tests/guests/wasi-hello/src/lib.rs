//! What `/bench/hello` says, said by the world `wasi:http/proxy`.

#![allow(clippy::expect_used, reason = "nothing here can fail")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Hello;

wasip2::http::proxy::export!(Hello);

impl Guest for Hello {
    fn handle(_request: IncomingRequest, answer: ResponseOutparam) {
        let headers = Fields::new();
        let text = b"text/plain; charset=utf-8".to_vec();
        headers.append("content-type", &text).expect("headers of a new response can be set");
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("a response has one body");
        ResponseOutparam::set(answer, Ok(response));
        let stream = body.write().expect("a body has one stream");
        // Fails only where nobody listens any more.
        let _ = stream.blocking_write_and_flush(b"hello world");
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
