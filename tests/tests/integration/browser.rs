//! The examples' pages, clicked in a real browser.

use std::io::Write as _;

use lithe_tests::{Browser, Tab, TestHost};
use serde_json::json;

use crate::guests::examples;

/// None if there is no browser, which is printed. CI must have one.
pub(crate) async fn browser() -> Option<Browser> {
    let browser = Browser::launch().await;
    if browser.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no Chromium: install one, or name it in CHROMIUM"
        );
        // Written past the captured output of the test, so that it is seen.
        let mut terminal = std::io::stderr();
        writeln!(terminal, "SKIPPED: there is no Chromium on this machine").unwrap();
    }
    browser
}

async fn open_chat(browser: &mut Browser, host: &TestHost) -> Tab {
    let tab = browser.open(&format!("http://{}/chat.html", host.address)).await;
    browser.wait_for(&tab, "document.querySelector('#status').dataset.state === 'open'").await;
    tab
}

fn has_message(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('#messages .message')].some(m => m.textContent === {text:?})"
    )
}

fn online(count: u32) -> String {
    format!("document.querySelector('#online').textContent === '{count}'")
}

#[tokio::test]
async fn two_people_in_the_chat_room_hear_each_other() {
    let Some(mut browser) = browser().await else { return };
    let host = examples().start().await;
    let ann = open_chat(&mut browser, &host).await;
    browser.wait_for(&ann, &online(1)).await;
    let bob = open_chat(&mut browser, &host).await;
    for tab in [&ann, &bob] {
        browser.wait_for(tab, &online(2)).await;
    }
    for (from, text) in [(&ann, "hello <b>Bob</b>"), (&bob, "hello Ann")] {
        browser.click(from, "#input").await;
        browser.type_text(from, text).await;
        browser.click(from, "#send").await;
        for tab in [&ann, &bob] {
            browser.wait_for(tab, &has_message(text)).await;
        }
        assert_eq!(
            browser.evaluate(from, "document.querySelector('#input').value").await,
            json!("")
        );
    }
}

#[tokio::test]
async fn each_panel_of_the_first_page_works() {
    let Some(mut browser) = browser().await else { return };
    let host = examples().start().await;
    let tab = browser.open(&format!("http://{}/", host.address)).await;
    let said = |panel: &str, mark: &str, text: &str| {
        let lines = format!("#example-{panel} .log li[data-mark={mark:?}]");
        format!("[...document.querySelectorAll({lines:?})].some(l => l.textContent === {text:?})")
    };
    for (panel, greeting, answer) in [
        ("echo", Some("connected"), "echo:hello"),
        ("ping", None, "pong"),
        ("chat", Some("User joined (1 online)"), "Message: hi, all"),
        ("loop", None, "hello"),
        ("lounge", Some("* guest-1 has joined"), "guest-1: hi, lounge"),
        ("bench-echo", None, "hello"),
    ] {
        browser.click(&tab, &format!("#example-{panel} .connect")).await;
        let open = format!("!document.querySelector('#example-{panel} .send').disabled");
        browser.wait_for(&tab, &open).await;
        if let Some(greeting) = greeting {
            browser.wait_for(&tab, &said(panel, "←", greeting)).await;
        }
        browser.click(&tab, &format!("#example-{panel} .send")).await;
        browser.wait_for(&tab, &said(panel, "←", answer)).await;
        browser.click(&tab, &format!("#example-{panel} .connect")).await;
        browser.wait_for(&tab, &said(panel, "closed", "1000 ")).await;
    }
    browser.wait_for(&tab, &said("echo", "open", "protocol chat")).await;
    for (panel, answer) in [
        ("echo", r#"200 {"mode":"http"}"#),
        ("bench-hello", "200 hello world"),
        ("bench-echo", "426 Upgrade Required"),
    ] {
        browser.click(&tab, &format!("#example-{panel} .fetch")).await;
        browser.wait_for(&tab, &said(panel, "HTTP", answer)).await;
    }
}
