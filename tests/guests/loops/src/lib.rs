//! An app whose sockets have blocking sessions: see `tests/src/conformance/loops.rs`.

use std::cell::Cell;

use lithe_sdk::anyhow::bail;
use lithe_sdk::{
    App, BlockingSocket, Event, HttpError, Next, Outcome, Response, Result, SocketEvent,
};

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

#[lithe_sdk::app(session)]
fn app() -> App {
    App::new().middleware(marks("app")).get("/plain", |_| "plain").get("/count", counts).group(
        "/rooms",
        |rooms| {
            rooms
                .middleware(marks("rooms"))
                .get("/:id/members", |event: Event| -> Result<String> {
                    Ok(format!("members of {}", event.param::<String>("id")?))
                })
                .get("/:id", enter)
        },
    )
}

fn marks(name: &'static str) -> impl Fn(&Event, Next) -> Result<Outcome> {
    move |event, next| match next.run(event) {
        Ok(outcome) => Ok(outcome.with_added_header("x-order", name)),
        Err(error) => match error.downcast::<HttpError>() {
            Ok(error) => Err(error.with_header("x-order", name).into()),
            Err(other) => Err(other),
        },
    }
}

fn counts(event: Event) -> Result<Outcome> {
    if !event.ws().is_upgrade_request() {
        return Ok(Response::text("counts").into());
    }
    event.ws().upgrade_blocking(count_messages).accept()
}

fn count_messages(mut socket: BlockingSocket) -> Result<()> {
    while let Some(event) = socket.next() {
        let SocketEvent::Text(text) = event else { continue };
        match &*text {
            "end" => return Ok(()),
            "fail" => bail!("as told"),
            _ => {}
        }
        COUNT.set(COUNT.get() + 1);
        socket.send_text(COUNT.get().to_string())?;
    }
    Ok(())
}

fn enter(event: Event) -> Result<Outcome> {
    let id: String = event.param("id")?;
    if id == "closed" {
        return Err(HttpError::new(403, "this room is closed").into());
    }
    event
        .ws()
        .upgrade_blocking(move |mut socket| {
            socket.send_text(format!("room {id}"))?;
            while let Some(event) = socket.next() {
                match event {
                    SocketEvent::Text(text) => socket.send_text(text)?,
                    SocketEvent::Binary(bytes) => socket.send_binary(bytes)?,
                    SocketEvent::Close(_) => {}
                }
            }
            Ok(())
        })
        .protocol_from(["chat"])
        .accept()
}
