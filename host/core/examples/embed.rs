//! A server of your own that serves a Lithe site, too.
//!
//! ```text
//! cargo run -p lithe-host --example embed -- FOLDER
//! ```
//!
//! The folder is a site. The host listens on a free port. The program's own server is on another
//! one, and tells what the host serves. Ctrl-C stops both: requests are finished, and sockets close
//! with 1001.

use std::path::PathBuf;

use anyhow::Context as _;
use lithe_host::Host;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("name a site's folder")?;
    let mut host = Host::builder().site(folder).listen("127.0.0.1:0").start().await?;
    host.ready().await?;
    println!("the site is on http://{}", host.addr());

    let own = TcpListener::bind("127.0.0.1:0").await?;
    println!("what it serves is told on {}", own.local_addr()?);
    let telling = async {
        loop {
            let (mut client, _) = own.accept().await?;
            for plugin in host.status()?.plugins {
                let line = format!("{}: {} sockets\n", plugin.plugin, plugin.sockets);
                // A client that leaves ends nothing.
                let _ = client.write_all(line.as_bytes()).await;
            }
        }
    };
    let told: anyhow::Result<()> = tokio::select! {
        told = telling => told,
        stop = tokio::signal::ctrl_c() => stop.context("cannot wait for Ctrl-C"),
    };
    host.shutdown().await;
    told
}
