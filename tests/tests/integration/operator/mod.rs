//! What the operator of a host says about its sites: caps, hosts, tokens, and the audit.

mod audit;
mod caps;
mod tokens;

use http::Request;
use lithe_tests::artifacts::{SWAP_V1, SWAP_V2};
use lithe_tests::{Builder, Ended, Response, TestHost};

use crate::host;

const PLUGIN: &str = "routes/swap.wasm";
const OPERATOR: &str = "the-token-of-the-operator";
const ACME: &str = "a-token-for-acme-only";
const ZETA: &str = "a-token-for-zeta-only";

/// Two sites, each with a token of its own, and the operator's token.
const SETTINGS: &str = r#"
[admin]
listen = "127.0.0.1:0"
token_file = "secrets/operator"

[tenants.tokens]
acme-ci = { site = "acme", file = "secrets/acme" }
zeta-ci = { site = "zeta", file = "secrets/zeta" }
"#;

/// `acme` is v1, and `zeta` v2.
fn sites() -> Builder {
    host().component("acme/routes/swap.wasm", SWAP_V1).component("zeta/routes/swap.wasm", SWAP_V2)
}

fn with_tokens(settings: &str) -> Builder {
    sites()
        .file("lithe.toml", settings)
        .file("secrets/operator", format!("{OPERATOR}\n"))
        .file("secrets/acme", format!("{ACME}\n"))
        .file("secrets/zeta", ZETA)
}

/// The admin's address.
async fn admin(host: &TestHost) -> String {
    let line = host.wait_for_log(&["deploys are taken on http://"]).await;
    line.split("http://").nth(1).expect("it says where").trim().to_owned()
}

async fn ask(admin: &str, token: &str, method: &str, path: &str, body: &[u8]) -> Response {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.body(body.to_vec()).expect("it is a request");
    lithe_tests::request(admin.parse().expect("an address"), request).await
}

fn bytes(component: &str) -> Vec<u8> {
    std::fs::read(component).expect("it is there")
}

/// The answer of a site.
async fn get(host: &TestHost, site: &str) -> String {
    let request = Request::get("/swap").header("host", site).body("").expect("it is a request");
    host.send(request).await.text().to_owned()
}

/// What a command has printed.
fn printed(ended: &Ended) -> &str {
    ended.succeeded();
    &ended.stdout
}
