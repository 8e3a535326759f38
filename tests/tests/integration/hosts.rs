//! Sites that do not trust each other: a host stays with its site, whichever others ask for it.

use http::Request;
use lithe_tests::artifacts::{SWAP_V1, SWAP_V2, TRAP_HTTP};
use lithe_tests::{Builder, TestHost, eventually};

use crate::host;

/// The site that answers for this host, by its version, or the status.
async fn answers(host: &TestHost, name: &str) -> String {
    let request = Request::get("/swap").header("host", name).body("").expect("it is a request");
    let answered = host.send(request).await;
    match answered.status {
        200 => answered.text().to_owned(),
        status => status.to_string(),
    }
}

const SHOP: &str = "hosts = [\"victim\", \"shop.example\"]\n";

/// The victim has `shop.example`. The other site asks for it, too, and is refused.
async fn refused() -> TestHost {
    let host = sites("hosts = [\"aaa\"]\n").file("victim/lithe.toml", SHOP).start().await;
    host.site.write("aaa/lithe.toml", "hosts = [\"aaa\", \"shop.example\"]\n");
    host.wait_for_log(&["ERROR", "site=\"aaa\"", "`shop.example` is a host of the site `victim`"])
        .await;
    host
}

/// The victim stopped asking for a moment, and the other site was told so.
async fn comes_back(host: &TestHost) {
    eventually("the host", async || (answers(host, "shop.example").await == "v1").then_some(()))
        .await;
    assert_eq!(answers(host, "aaa").await, "v2");
}

/// The victim is v1, and loaded last; the site that attacks it is v2.
fn sites(attack: &str) -> Builder {
    host()
        .component("victim/routes/swap.wasm", SWAP_V1)
        .component("aaa/routes/swap.wasm", SWAP_V2)
        .file("aaa/lithe.toml", attack)
}

#[tokio::test]
async fn a_site_that_asks_for_a_neighbours_host_gets_its_own_only() {
    for asked in ["victim", "VICTIM", "*.victim", "x.victim"] {
        let attack = format!("hosts = [\"aaa\", \"{asked}\"]\n");
        let host = sites(&attack).start().await;
        assert_eq!(answers(&host, "victim").await, "v1", "{asked}");
        assert_eq!(answers(&host, "aaa").await, "v2", "{asked}");
        assert_eq!(answers(&host, "x.victim").await, "421", "{asked}");
        let shown = format!("`{}`", asked.to_lowercase());
        host.wait_for_log(&["ERROR", "site=\"aaa\"", &shown, "`victim`", "[tenants.sites]"]).await;
    }
}

#[tokio::test]
async fn a_site_keeps_a_host_that_it_names_also_over_a_restart() {
    let first = sites("hosts = [\"aaa\"]\n")
        .file("victim/lithe.toml", "hosts = [\"shop.example\", \"*.cdn.example\"]\n");
    let mut first = first.start().await;
    let folder = first.site.folder();
    assert_eq!(answers(&first, "shop.example").await, "v1");
    let attack = "hosts = [\"aaa\", \"shop.example\", \"x.cdn.example\", \"*.example\"]\n";
    first.site.write("aaa/lithe.toml", attack);
    for refused in ["`shop.example`", "`x.cdn.example`", "`*.example`"] {
        first.wait_for_log(&["ERROR", "site=\"aaa\"", refused]).await;
    }
    let is_right = async |host: &TestHost| {
        assert_eq!(answers(host, "shop.example").await, "v1");
        assert_eq!(answers(host, "x.cdn.example").await, "v1");
        assert_eq!(answers(host, "aaa").await, "v2");
    };
    is_right(&first).await;
    first.signal(lithe_tests::Signal::TERM);
    first.exit().await;
    let second = host().folder(&folder).start().await;
    is_right(&second).await;
}

#[tokio::test]
async fn a_host_that_two_ask_for_is_nobodys_until_one_gives_way() {
    let host = sites("hosts = [\"aaa\", \"shop.example\"]\n")
        .file("victim/lithe.toml", "hosts = [\"victim\", \"shop.example\"]\n")
        .start()
        .await;
    host.wait_for_log(&["ERROR", "asks for `shop.example`, too"]).await;
    assert_eq!(answers(&host, "shop.example").await, "421");
    assert_eq!(answers(&host, "victim").await, "v1");
    host.site.write("aaa/lithe.toml", "hosts = [\"aaa\"]\n");
    eventually("the host", async || (answers(&host, "shop.example").await == "v1").then_some(()))
        .await;
}

#[tokio::test]
async fn the_operator_gives_a_host_to_a_site() {
    let host = sites("hosts = [\"aaa\", \"shop.example\"]\n")
        .file(
            "lithe.toml",
            "[tenants.sites.victim]\nhosts = [\"shop.example\", \"*.cdn.example\"]\n",
        )
        .start()
        .await;
    for name in ["shop.example", "x.cdn.example", "victim"] {
        assert_eq!(answers(&host, name).await, "v1", "{name}");
    }
    host.wait_for_log(&["ERROR", "site=\"aaa\"", "`shop.example`", "the operator gives it"]).await;
    // The operator may think again, without a restart.
    host.site.write("lithe.toml", "[tenants.sites.aaa]\nhosts = [\"shop.example\"]\n");
    eventually("the host", async || (answers(&host, "shop.example").await == "v2").then_some(()))
        .await;
}

#[tokio::test]
async fn a_sites_name_in_the_log_is_no_neighbours() {
    let silence = "name = \"later\"\n[limits]\nlog_per_second = \"1 B\"\n";
    let host = host()
        .component("aaa/routes/http.wasm", TRAP_HTTP)
        .component("evil/routes/http.wasm", TRAP_HTTP)
        .file("evil/lithe.toml", silence)
        .file("aaa/lithe.toml", "name = \"later\"\n")
        .start()
        .await;
    let says = async |site: &str| {
        let request = Request::get("/http?how=log").header("host", site).body("");
        host.send(request.expect("it is a request")).await;
    };
    says("aaa").await;
    host.wait_for_log(&["a line on stdout", "site=\"later (./aaa)\""]).await;
    says("evil").await;
    host.wait_for_log(&["`limits.log_per_second` was exceeded", "site=\"later (./evil)\""]).await;
    // The folder with this name comes last, and its lines are logged.
    host.site.copy("later/routes/http.wasm", TRAP_HTTP.as_ref());
    host.wait_for_log(&["the site is served", "site=\"later\""]).await;
    says("evil").await;
    says("later").await;
    host.wait_for_log(&["a line on stdout", "site=\"later\""]).await;
}

#[tokio::test]
async fn a_host_stays_with_a_site_whose_folder_is_away_for_a_moment() {
    let host = refused().await;
    let (there, away) = (host.site.folder().join("victim"), host.site.folder().join(".away"));
    std::fs::rename(&there, &away).expect("it can be moved");
    host.wait_for_log(&["ERROR", "site=\"aaa\"", "was a host of the site `victim`", "it is free"])
        .await;
    assert_eq!(answers(&host, "shop.example").await, "421");
    std::fs::rename(&away, &there).expect("it can be moved");
    comes_back(&host).await;
}

#[tokio::test]
async fn a_host_stays_with_a_site_whose_settings_are_missing_for_a_moment() {
    let host = refused().await;
    for settings in [None, Some("")] {
        match settings {
            None => host.site.remove("victim/lithe.toml"),
            Some(text) => host.site.write("victim/lithe.toml", text),
        }
        eventually("it asks no more", async || {
            (answers(&host, "shop.example").await == "421").then_some(())
        })
        .await;
        host.site.write("victim/lithe.toml", SHOP);
        comes_back(&host).await;
    }
}

#[tokio::test]
async fn a_host_stays_with_a_site_that_is_missing_at_the_start() {
    let mut first = refused().await;
    let folder = first.site.folder();
    first.signal(lithe_tests::Signal::TERM);
    first.exit().await;
    let (there, away) = (folder.join("victim"), folder.join(".away"));
    std::fs::rename(&there, &away).expect("it can be moved");
    let second = host().folder(&folder).start().await;
    second.wait_for_log(&["ERROR", "was a host of the site `victim`"]).await;
    assert_eq!(answers(&second, "shop.example").await, "421");
    std::fs::rename(&away, &there).expect("it can be moved");
    comes_back(&second).await;
}

/// Nothing else happens at that moment.
#[tokio::test]
async fn a_host_is_free_when_its_time_is_up() {
    let now = std::time::UNIX_EPOCH.elapsed().expect("it is later").as_secs();
    let record = format!("[\"shop.example\"]\nsite = \"gone\"\nreleased = {}\n", now - 600 + 10);
    let host = sites("hosts = [\"aaa\", \"shop.example\"]\n")
        .file(".lithe/hosts.toml", record)
        .start()
        .await;
    host.wait_for_log(&["ERROR", "site=\"aaa\"", "was a host of the site `gone`"]).await;
    lithe_tests::sooner_than(std::time::Duration::from_secs(40), "the host", async {
        while answers(&host, "shop.example").await != "v2" {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_folders_name_is_its_own_before_its_settings_are_right() {
    let host = sites("hosts = [\"aaa\", \"later\", \"x.later\"]\n").start().await;
    assert_eq!(answers(&host, "x.later").await, "v2");
    host.site.write("later/lithe.toml", "hosts = 7\n");
    host.site.copy("later/routes/swap.wasm", SWAP_V1.as_ref());
    host.wait_for_log(&["the site is not served", "later/lithe.toml"]).await;
    for name in ["later", "x.later"] {
        assert_eq!(answers(&host, name).await, "421", "{name}");
    }
    host.wait_for_log(&["ERROR", "site=\"aaa\"", "`x.later`", "by its folder's name"]).await;
}
