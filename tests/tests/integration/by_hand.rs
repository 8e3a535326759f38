//! A host that is started without what tests are usually given: in any folder, again and again,
//! with any environment.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use http::Request;
use lithe_tests::artifacts::CACHE;
use lithe_tests::{Ended, Process, Response, request, within};

/// A host that serves a folder.
pub(crate) struct ByHand {
    pub process: Process,
    pub address: SocketAddr,
}

/// The program under test.
pub(crate) fn lithe(command: &str, site: &Path) -> Command {
    let mut lithe = Command::new(env!("CARGO_BIN_EXE_lithe-under-test"));
    lithe.arg(command).arg(site);
    lithe
}

/// Serves a folder, and waits until the host is ready.
pub(crate) async fn serve(site: &Path) -> ByHand {
    let mut command = lithe("serve", site);
    start(command.args(["--listen", "127.0.0.1:0", "--cache", CACHE])).await
}

/// Starts a host, and waits until it is ready.
pub(crate) async fn start(command: &mut Command) -> ByHand {
    let process = Process::start(command);
    let address = within("the host", process.says("listening on http://")).await;
    ByHand { process, address: address.parse().expect("it is an address") }
}

/// Runs a command to its end.
pub(crate) async fn run(command: &mut Command) -> Ended {
    let mut process = Process::start(command);
    let status = process.exit().await;
    Ended { status, stdout: process.printed(), stderr: process.log() }
}

impl ByHand {
    pub(crate) async fn get(&self, path: &str) -> Response {
        get(self.address, path).await
    }
}

/// A GET request on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    let asked = Request::get(path).header("host", "localhost").body(Vec::new());
    request(address, asked.expect("it is a request")).await
}

/// The versions that `lithe status` shows.
pub(crate) async fn status(site: &Path) -> serde_json::Value {
    let status = run(lithe("status", site).arg("--json")).await;
    status.succeeded();
    serde_json::from_str(&status.stdout).expect("it is JSON")
}
