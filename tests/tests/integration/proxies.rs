//! Who the client is: the peer, or the one that a trusted proxy names.

use std::net::{Ipv4Addr, SocketAddr};

use http::Request;
use lithe_tests::TestHost;
use lithe_tests::artifacts::TRAP_HTTP;

use crate::host;

const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";

async fn with(config: &str, listen: &str) -> TestHost {
    host().config(config).listen(listen).route("http", TRAP_HTTP).start().await
}

/// By IPv4, wherever the host listens.
fn by_ipv4(host: &TestHost) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, host.address.port()).into()
}

/// The client that the guest sees of a request over IPv4 with these headers.
async fn client_of(host: &TestHost, headers: &[(&str, &str)]) -> String {
    let mut request = Request::get("/http?how=about");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body("").expect("it is a request");
    let answer = lithe_tests::request(by_ipv4(host), request).await.json();
    answer["client"].as_str().expect("there is a client").to_owned()
}

#[tokio::test]
async fn only_the_header_that_the_proxy_keeps_names_the_client() {
    let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.2.3.4")];
    let host = with(TRUSTED, "127.0.0.1:0").await;
    assert_eq!(client_of(&host, &both).await, "1.2.3.4:0");
    assert!(client_of(&host, &both[..1]).await.starts_with("127.0.0.1:"));
    let host = with(&format!("{TRUSTED}proxy_header = \"forwarded\"\n"), "127.0.0.1:0").await;
    assert_eq!(client_of(&host, &both).await, "6.6.6.6:0");
    assert!(client_of(&host, &both[1..]).await.starts_with("127.0.0.1:"));
    let standard = [("forwarded", "for=\"[2001:db8::1]:47\";proto=https")];
    assert_eq!(client_of(&host, &standard).await, "[2001:db8::1]:47");
}

#[tokio::test]
async fn a_header_that_no_proxy_keeps_is_refused_with_what_is_right() {
    let config = "[server]\nproxy_header = \"x-real-ip\"\n";
    let refusal = host().config(config).route("http", TRAP_HTTP).end().await;
    refusal.says(&["lithe.toml", "`x-real-ip`", "`x-forwarded-for`", "`forwarded`"]);
}

#[tokio::test]
async fn a_client_of_ipv4_is_one_on_a_listener_of_ipv6_too() {
    let host = with("", "[::]:0").await;
    let client = client_of(&host, &[("x-forwarded-for", "1.2.3.4")]).await;
    assert!(client.starts_with("127.0.0.1:"), "{client}");
    let host = with(TRUSTED, "[::]:0").await;
    for mapped in ["1.2.3.4", "::ffff:1.2.3.4", "6.6.6.6, 1.2.3.4, ::ffff:127.0.0.9"] {
        assert_eq!(client_of(&host, &[("x-forwarded-for", mapped)]).await, "1.2.3.4:0", "{mapped}");
    }
}

#[tokio::test]
async fn connections_of_a_trusted_proxy_are_not_counted_on_a_listener_of_ipv6() {
    let host = with(&format!("{TRUSTED}client_connections = 1\n"), "[::]:0").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut stream = tokio::net::TcpStream::connect(by_ipv4(&host)).await.expect("it listens");
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / ").await.expect("it is open");
        open.push(stream);
        assert!(client_of(&host, &[]).await.starts_with("127.0.0.1:"));
    }
}

#[tokio::test]
async fn a_network_may_be_written_in_its_mapped_form() {
    for network in ["::ffff:127.0.0.0/104", "::ffff:0:0/96", "::/0"] {
        let config = format!("[server]\ntrusted_proxies = [\"{network}\", \"0.0.0.0/32\"]\n");
        let host = with(&config, "127.0.0.1:0").await;
        let client = client_of(&host, &[("x-forwarded-for", "1.2.3.4")]).await;
        assert_eq!(client == "1.2.3.4:0", network != "::/0", "{network}: {client}");
    }
}
