//! A real browser, without a window, driven over the DevTools protocol.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::deadline::{DEADLINE, within};
use crate::process::Process;

/// Chromium with a profile of its own, which is removed with it.
#[derive(Debug)]
pub struct Browser {
    socket: WebSocketStream<TcpStream>,
    last_id: u64,
    _process: Process,
    _profile: TempDir,
}

/// A page.
#[derive(Debug)]
pub struct Tab {
    session: String,
}

impl Browser {
    /// Starts the browser. None if this machine has no Chromium.
    ///
    /// # Panics
    /// Chromium does not start.
    pub async fn launch() -> Option<Self> {
        let program = find()?;
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new(program);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--disable-dev-shm-usage"])
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", profile.path().display()));
        let process = Process::start(&mut command);
        let start = "DevTools listening on ";
        let line = process.logs(&[start]).await;
        let url = line.trim_start_matches(start);
        let request = url.into_client_request().expect("the browser says an address");
        let address = request.uri().authority().expect("an address has a host").to_string();
        let stream = TcpStream::connect(address).await.expect("the browser listens");
        let (socket, _) =
            tokio_tungstenite::client_async(request, stream).await.expect("the browser answers");
        Some(Self { socket, last_id: 0, _process: process, _profile: profile })
    }

    /// Opens a page in a new tab and waits until it is loaded.
    ///
    /// # Panics
    /// The browser cannot.
    pub async fn open(&mut self, url: &str) -> Tab {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", attach).await;
        let session = attached["sessionId"].as_str().expect("a session has an id").to_owned();
        let tab = Tab { session };
        self.call(Some(&tab), "Page.navigate", json!({ "url": url })).await;
        let loaded = format!("location.href === {url:?} && document.readyState === 'complete'");
        self.wait_for(&tab, &loaded).await;
        tab
    }

    /// Presses and releases the mouse on an element, which is scrolled into view.
    ///
    /// # Panics
    /// The element does not exist, or another one covers it.
    pub async fn click(&mut self, tab: &Tab, selector: &str) {
        self.call(Some(tab), "Page.bringToFront", json!({})).await;
        let place = format!(
            "(() => {{
                const element = document.querySelector({selector:?});
                element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const {{ x, y, width, height }} = element.getBoundingClientRect();
                const at = [x + width / 2, y + height / 2];
                return element.contains(document.elementFromPoint(...at)) ? at : 'covered';
            }})()"
        );
        let at = self.evaluate(tab, &place).await;
        let (Some(x), Some(y)) = (at[0].as_f64(), at[1].as_f64()) else {
            panic!("`{selector}` cannot be clicked: {at}")
        };
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call(Some(tab), "Input.dispatchMouseEvent", event).await;
        }
    }

    /// Types into whatever has the focus.
    ///
    /// # Panics
    /// The browser cannot.
    pub async fn type_text(&mut self, tab: &Tab, text: &str) {
        self.call(Some(tab), "Input.insertText", json!({ "text": text })).await;
    }

    /// Waits until a JavaScript expression is true.
    ///
    /// # Panics
    /// It does not become true.
    pub async fn wait_for(&mut self, tab: &Tab, condition: &str) {
        let started = tokio::time::Instant::now();
        while self.evaluate(tab, condition).await != json!(true) {
            if started.elapsed() > DEADLINE {
                let page = self.evaluate(tab, "document.body.innerText").await;
                panic!("waited {DEADLINE:?} in vain for `{condition}` on: {page}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A JavaScript expression's value.
    ///
    /// # Panics
    /// It throws.
    pub async fn evaluate(&mut self, tab: &Tab, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call(Some(tab), "Runtime.evaluate", parameters).await;
        assert!(answer["exceptionDetails"].is_null(), "`{expression}` throws: {answer}");
        answer["result"]["value"].clone()
    }

    async fn call(&mut self, tab: Option<&Tab>, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut call = json!({ "id": id, "method": method, "params": parameters });
        if let Some(tab) = tab {
            call["sessionId"] = json!(tab.session);
        }
        self.socket.send(Message::text(call.to_string())).await.expect("the browser runs");
        let answer = async {
            loop {
                let message = self.socket.next().await.expect("the browser runs");
                let message = message.expect("the browser runs").into_text().expect("it is text");
                let answer: Value = serde_json::from_str(&message).expect("it is JSON");
                if answer["id"] == json!(id) {
                    assert!(answer["error"].is_null(), "{method}: {answer}");
                    return answer["result"].clone();
                }
            }
        };
        within(method, answer).await
    }
}

/// The program that `CHROMIUM` names, or the first known one on the `PATH`.
fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders = std::env::split_paths(&path);
    folders.flat_map(|folder| names.map(|name| folder.join(name))).find(|program| program.is_file())
}
