//! `/legacy` and `/legacy/countdown`: one component with several routes, in the oldest style: a
//! closure gets the socket and sets its listeners.

use lithe_sdk::middleware::timing;
use lithe_sdk::{App, Event, Result, WebSocket};

#[lithe_sdk::app(websocket)]
fn app() -> App {
    App::new().group("/legacy", |app| {
        app.middleware(timing()).ws_with("/", echo).ws_with("/countdown", |ws, _| {
            ws.add_stream((1..=3).rev().map(|number| number.to_string()))?;
            ws.close();
            Ok(())
        })
    })
}

fn echo(ws: WebSocket, event: &Event) -> Result<()> {
    println!("WebSocket connected: {}", event.client_address());
    ws.listen(move |message| {
        println!("Received: {}", message.text());
        if message.text() == "close" {
            ws.close();
        } else {
            // Send the message back to the client
            ws.add(message)?;
        }
        Ok(())
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::Message;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn messages_come_back_until_one_says_close() {
        let outcome = TestEvent::get("/legacy").upgrade([]).call_app(&app());
        assert!(outcome.header("server-timing").is_some());
        let socket = outcome.socket();
        socket.send(["a".into(), Message::from(vec![1]), "close".into()]);
        assert_eq!(socket.sent(), [Message::from("a"), Message::from(vec![1])]);
        assert_eq!(socket.closed(), Some((1000, String::new())));
    }

    #[test]
    fn the_countdown_counts_and_closes() {
        let socket = TestEvent::get("/legacy/countdown").upgrade([]).call_app(&app()).socket();
        assert_eq!(socket.sent_text(), ["3", "2", "1"]);
        assert_eq!(socket.closed(), Some((1000, String::new())));
    }

    #[test]
    fn plain_http_is_told_to_upgrade() {
        assert_eq!(TestEvent::get("/legacy").call_app(&app()).status(), 426);
    }
}
