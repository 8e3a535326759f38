//! `docs/settings.md` says what the types of the settings say.

use std::fmt::Write as _;
use std::path::Path;

/// The tables of `lithe.toml`, in the order of the page: its heading, and the type with its file.
const TABLES: [(&str, &str, &str); 14] = [
    ("Of a site, at the top", "SiteConfig", include_str!("../config.rs")),
    ("`[limits]`", "Limits", include_str!("limits.rs")),
    ("`[deflate]`", "Deflate", include_str!("limits.rs")),
    ("`[plugin.\"FILE\"]`", "PluginConfig", include_str!("plugin.rs")),
    ("A folder in `plugin.folders`", "FolderGrant", include_str!("plugin.rs")),
    ("`[build]`, each of its entries", "Build", include_str!("build.rs")),
    ("`[swap]`", "SwapConfig", include_str!("swap.rs")),
    ("`[host]`", "HostBounds", include_str!("host.rs")),
    ("`[server]`", "ServerConfig", include_str!("server.rs")),
    ("`[admin]`", "Admin", include_str!("server.rs")),
    ("`[compile]`", "Compile", include_str!("compile.rs")),
    ("`[tenants]`", "Tenants", include_str!("tenants.rs")),
    ("`[tenants.sites.\"NAME\"]`", "TenantSite", include_str!("tenants.rs")),
    ("`[tenants.tokens.\"NAME\"]`", "TenantToken", include_str!("tenants.rs")),
];

const BEGIN: &str = "<!-- The tables are made from the types in `host/core/src/config`. -->\n";

/// The fields of a struct, each with its doc comment on one line.
fn fields<'s>(source: &'s str, name: &str) -> Vec<(&'s str, String)> {
    let begin = source.find(&format!("pub struct {name} {{")).expect(name);
    let body = source[begin..].split("\n}").next().expect("it ends");
    let (mut fields, mut doc) = (Vec::new(), String::new());
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc += text;
        } else if let Some((field, _)) =
            line.strip_prefix("pub ").and_then(|line| line.split_once(':'))
        {
            fields.push((field, std::mem::take(&mut doc).trim().replace('|', "\\|")));
        }
    }
    fields
}

fn tables() -> String {
    let mut text = String::new();
    for (heading, name, source) in TABLES {
        let _ = write!(text, "\n### {heading}\n\n| key | |\n|---|---|\n");
        for (field, doc) in fields(source, name) {
            let _ = writeln!(text, "| `{field}` | {doc} |");
        }
    }
    text
}

#[test]
fn the_page_of_settings_has_every_key_with_what_its_type_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    let text = std::fs::read_to_string(&page).expect("it is there");
    let (written, made) = text.split_once(BEGIN).expect("it has the tables");
    let expected = tables();
    if std::env::var_os("LITHE_WRITE_DOCS").is_some() {
        std::fs::write(&page, format!("{written}{BEGIN}{expected}")).expect("it can be written");
    } else {
        assert!(
            made == expected,
            "write it again: `LITHE_WRITE_DOCS=1 cargo test --workspace --lib docs`"
        );
    }
}
