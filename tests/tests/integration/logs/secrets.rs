//! No line of the log has a site's secrets, wherever they come from.

use lithe_tests::artifacts::SPEAKS;

use crate::host;

const CONFIG: &str = "[plugin.\"routes/speaks.wasm\"]\n\
                      secrets = { TOKEN = { file = \"token\" }, KEY = { file = \"key\" } }\n";
const TOKEN: &str = "hunter22\\hunter22";
const KEY: &str =
    "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nSECONDLINEOFTHEKEY\n-----END KEY-----\n";

#[tokio::test]
async fn secrets_are_hidden_wherever_a_guest_says_them() {
    let site = host().config(CONFIG).route("speaks", SPEAKS);
    let host = site.file("token", TOKEN).file("key", KEY).start().await;
    for name in ["TOKEN", "KEY"] {
        for how in ["print", "print-late", "debug", "error", "panic", "header-name"] {
            let response = host.get(&format!("/speaks?how={how}&env={name}")).await;
            let id = response.header("x-request-id").expect("it has one");
            host.wait_for_log(&["access: ", id]).await;
            host.wait_for_log(&["(secret)", id]).await;
        }
        let mut socket = host.connect("/speaks").await;
        socket.send(&format!("fail-env:{name}")).await;
        assert_eq!(socket.closed().await.0, 1011);
    }
    host.wait_for_log(&["session failed", "(secret)"]).await;
    let log = host.log();
    for part in ["hunter22", "ter22\\hun", "MIIEvQIBADAN", "SECONDLINE", "BEGIN KEY"] {
        assert!(!log.contains(part), "`{part}` in\n{log}");
    }
}

#[tokio::test]
async fn refuses_secrets_of_several_components_over_their_bound() {
    let secrets = |file: &str| {
        let granted = "secrets = { ONE = { file = \"key\" }, TWO = { file = \"key\" } }";
        format!("[plugin.\"routes/{file}.wasm\"]\n{granted}\n")
    };
    let (two, three) = (secrets("a") + &secrets("b"), secrets("c"));
    let site = host().route("a", SPEAKS).route("b", SPEAKS).route("c", SPEAKS);
    let host = site.config(&two).file("key", "k\t\"".repeat(20_000)).start().await;
    host.site.write("lithe.toml", two + &three);
    let bound = "the `secrets` of all components of the site have more than 256.0 KiB together";
    host.wait_for_log(&["still being served", "`routes/c.wasm`", "`ONE`", bound]).await;
}

#[tokio::test]
async fn a_secret_of_a_version_that_was_refused_is_hidden() {
    let health = "[plugin.\"routes/speaks.wasm\"]\nsecrets = { HEALTH = { file = \"token\" } }\n";
    let host = host().route("speaks", SPEAKS).file("token", TOKEN).start().await;
    host.site.write("lithe.toml", health);
    host.wait_for_log(&["still being served", "(secret)"]).await;
    assert!(!host.log().contains("hunter22"), "{}", host.log());
}
