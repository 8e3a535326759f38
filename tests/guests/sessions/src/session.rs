//! | word | does |
//! |---|---|
//! | `select:MS` | waits for the next message or that time, and says which came first |
//! | `timeout:MS` | waits for the next message no longer than that, and says what came of it |
//! | `join:MS:MS` | waits for both times, and says `both` |
//! | `tick:MS` | starts a task of the session that says `tick` again and again, and counts |
//! | `download:COUNT:SIZE` | numbered messages, each as soon as there is room; then how many were refused |
//! | `subscribe:TOPIC`, `publish:TOPIC:TEXT` | as the hooks do |
//! | `return` | ends the session |
//! | `panic` | traps |
//!
//! Anything else comes back.

use lithe_sdk::task::{Either, join, select};
use lithe_sdk::{Result, SendError, Socket, time, topics};

use crate::{count, millis, numbered, split};

pub(crate) async fn run(mut socket: Socket) -> Result<()> {
    while let Some(message) = socket.next_message().await {
        let (word, rest) = split(&message);
        test_guests_misbehave::by_word(&word);
        match word.as_str() {
            "select" => {
                let first = match select(socket.next_message(), time::sleep(millis(&rest)?)).await {
                    Either::First(Some(message)) => message.text().into_owned(),
                    Either::First(None) => break,
                    Either::Second(()) => "time".to_owned(),
                };
                socket.send_text(format!("{first} came first"))?;
            }
            "timeout" => match time::timeout(millis(&rest)?, socket.next_message()).await {
                Ok(Some(message)) => socket.send_text(format!("{} in time", message.text()))?,
                Ok(None) => break,
                Err(time::Elapsed) => socket.send_text("too late")?,
            },
            "join" => {
                let (a, b) = rest.split_once(':').unwrap_or((&rest, "0"));
                join(time::sleep(millis(a)?), time::sleep(millis(b)?)).await;
                socket.send_text("both")?;
            }
            "tick" => {
                let (to, mut ticks) = (socket.sender(), time::interval(millis(&rest)?));
                socket.spawn(async move {
                    loop {
                        ticks.tick().await;
                        count(|counts| &counts.ticks);
                        // The session ends this.
                        let _ = to.send_text("tick");
                    }
                });
            }
            "download" => {
                let refused = download(&socket, &rest).await?;
                socket.wait_for_drain().await;
                socket.send_text(format!("refused {refused} times"))?;
            }
            "subscribe" => {
                socket.subscribe(&rest)?;
                socket.send_text("ok")?;
            }
            "publish" => {
                let (topic, text) = rest.split_once(':').unwrap_or((&rest, ""));
                let heard = topics::publish(topic, text);
                socket.send_text(format!("heard by {heard}"))?;
            }
            "return" => return Ok(()),
            _ => socket.send(&message)?,
        }
    }
    Ok(())
}

async fn download(socket: &Socket, rest: &str) -> Result<u32> {
    let mut refused = 0;
    for message in numbered(rest)? {
        while let Err(error) = socket.send_binary(&message) {
            let SendError::QueueFull = error else { return Err(error.into()) };
            refused += 1;
            socket.wait_for_drain().await;
        }
    }
    Ok(refused)
}
