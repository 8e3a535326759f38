//! New versions take over while sockets stay open.

mod canary;
mod commands;
mod empty_memory;
mod poll;
mod refused;
mod roll_back;
mod sockets;
mod state;

use lithe_tests::TestHost;
use lithe_tests::artifacts::SWAP_V1;

use crate::host;

/// Where the plugin is in the site.
const PLUGIN: &str = "routes/swap.wasm";

/// A host that serves the first version.
async fn v1() -> TestHost {
    host().route("swap", SWAP_V1).start().await
}

/// Deploys a version, which takes over; answers what the command said.
async fn deploy(host: &TestHost, component: &str) -> String {
    let deployed = host.command("deploy", &[PLUGIN, component]).await;
    deployed.succeeded().to_owned()
}

/// What `lithe status --json` says.
async fn status(host: &TestHost) -> serde_json::Value {
    let status = host.command("status", &["--json"]).await;
    status.succeeded();
    serde_json::from_str(&status.stdout).unwrap_or_else(|error| panic!("{error}: {status:?}"))
}
