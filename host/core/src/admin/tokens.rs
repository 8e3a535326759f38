//! Who asks: the tokens of the admin's address, and the user at the control socket.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use bytesize::ByteSize;
use http::{HeaderMap, StatusCode, header};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::answer::Refusal;
use super::forbidden::Forbidden;
use crate::config::HostConfig;
use crate::files::{self, FileError};
use crate::plugin::Digest;

/// The environment variable with the operator's token.
const TOKEN_VARIABLE: &str = "LITHE_ADMIN_TOKEN";

/// The shortest token, in bytes: a shorter one could be guessed.
const MIN_TOKEN: usize = 16;

/// The largest file of a token.
const MAX_FILE: ByteSize = ByteSize::kib(4);

/// How many changes and looks at the audit a site's token may ask for at once, and after that each
/// minute. So a site cannot push the lines of others out of the audit.
const MAX_PER_MINUTE: u32 = 60;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// The control socket, which only the host's user can reach: the user's number, if the system
    /// says it.
    Control(Option<u32>),
    /// The admin's address.
    Address(SocketAddr),
}

/// Who asks for something.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// The host's user.
    Control,
    /// Somebody with the admin's token.
    Operator,
    /// Somebody with a token that acts on one site only.
    Site(Arc<SiteToken>),
}

/// A token that acts on one site only.
#[derive(Debug)]
pub(super) struct SiteToken {
    /// Its name in `[tenants.tokens]`.
    pub name: String,
    /// The name of the site's folder.
    pub site: String,
    left: Arc<Mutex<Left>>,
    /// The place of the one body that the host takes from it at a time.
    body: Arc<Semaphore>,
}

/// How many changes are left, and when that was counted.
#[derive(Debug)]
struct Left {
    changes: u32,
    at: Instant,
}

impl Default for Left {
    fn default() -> Self {
        Self { changes: MAX_PER_MINUTE, at: Instant::now() }
    }
}

impl SiteToken {
    /// The place of its body.
    pub(super) fn body(&self) -> Arc<Semaphore> {
        self.body.clone()
    }

    /// Refuses what is not about the token's site. It must not say whether another one exists.
    pub(super) fn check_path(&self, path: &str) -> Result<(), Refusal> {
        let Self { name, site, .. } = self;
        let own = path.strip_prefix("sites/").and_then(|path| path.split_once('/'));
        match own {
            Some((named, _)) if named == site => Ok(()),
            _ => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format!(
                    "the token `{name}` is only for the site `{site}`: name that site, or show the operator's token"
                ),
            )),
        }
    }

    /// Counts a change or a look at the audit, unless there were too many.
    pub(super) fn count(&self) -> Result<(), Refusal> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Result<(), Refusal> {
        let mut left = self.left.lock();
        let seconds = now.saturating_duration_since(left.at).as_secs();
        let more = u32::try_from(seconds.saturating_mul(MAX_PER_MINUTE.into()) / 60);
        let more = more.unwrap_or(u32::MAX);
        if more > 0 {
            let changes = left.changes.saturating_add(more).min(MAX_PER_MINUTE);
            *left = Left { changes, at: now };
        }
        match left.changes.checked_sub(1) {
            Some(fewer) => {
                left.changes = fewer;
                Ok(())
            }
            None => {
                let message = format!(
                    "the token `{}` may ask for {MAX_PER_MINUTE} changes and looks at the audit a minute: try again in \
                     a second",
                    self.name
                );
                let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message);
                refusal.header = Some((header::RETRY_AFTER, "1"));
                Err(refusal)
            }
        }
    }
}

/// The tokens that the admin's address accepts.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    callers: HashMap<Digest, Caller>,
}

impl Tokens {
    /// Reads all tokens. Returns what is wrong with some, too: those are not accepted. A token of
    /// the same name as `before` has no more changes left than it had.
    pub(super) fn read(
        root: &Path,
        config: &HostConfig,
        has_many: bool,
        before: &Self,
    ) -> (Self, Vec<String>) {
        let before = before.callers.values().filter_map(|caller| match caller {
            Caller::Site(token) => Some((&*token.name, &token.left)),
            Caller::Control | Caller::Operator => None,
        });
        let before: HashMap<&str, &Arc<Mutex<Left>>> = before.collect();
        let (mut callers, mut wrong) = (HashMap::new(), Vec::new());
        let mut owners: HashMap<Digest, Vec<String>> = HashMap::new();
        let forbidden = match Forbidden::of(root, has_many) {
            Ok(forbidden) => forbidden,
            Err(error) => {
                return (Self::default(), vec![format!("no token is accepted: {error:#}")]);
            }
        };
        let source = Source { root, forbidden };
        let operators = source.operators(config).map(|digest| (digest, Caller::Operator));
        let operators = ("the operator's token".to_owned(), operators);
        let sites = config.tenants.tokens.iter().map(|(name, token)| {
            let shown = format!("`[tenants.tokens.{name:?}]`");
            let digest = source.of(token.file.as_deref(), token.variable.as_deref());
            let own = digest.with_context(|| shown.clone()).map(|digest| {
                let left = before.get(&**name).map(|left| Arc::clone(left)).unwrap_or_default();
                let (name, site) = (name.clone(), token.site.clone());
                (
                    digest,
                    Caller::Site(Arc::new(SiteToken {
                        name,
                        site,
                        left,
                        body: Arc::new(Semaphore::new(1)),
                    })),
                )
            });
            (shown, own)
        });
        for (shown, read) in std::iter::once(operators).chain(sites) {
            match read {
                Ok((digest, caller)) => {
                    callers.insert(digest, caller);
                    owners.entry(digest).or_default().push(shown);
                }
                Err(error) => wrong.push(format!("{error:#}")),
            }
        }
        let mut alike: Vec<_> = owners.into_iter().filter(|(_, owners)| owners.len() > 1).collect();
        alike.sort_by(|one, other| one.1.cmp(&other.1));
        for (digest, owners) in alike {
            // Nobody knows whose it is.
            callers.remove(&digest);
            wrong.push(format!("{} are the same token: give each its own", owners.join(" and ")));
        }
        (Self { callers }, wrong)
    }

    /// Who shows a token.
    ///
    /// # Errors
    /// The token is missing or wrong.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        // RFC 9110, section 11.1: the scheme's case does not matter.
        let token = shown.and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else {
            return Err(Refusal::unauthorized("show the token: `authorization: Bearer TOKEN`"));
        };
        // Digests of any two guesses have the same length, so comparing them says nothing about
        // the token's length.
        let caller = self.callers.get(&Digest::of(token.trim().as_bytes()));
        caller.cloned().ok_or_else(|| Refusal::unauthorized("the token is wrong"))
    }
}

/// Where tokens are.
struct Source<'r> {
    root: &'r Path,
    forbidden: Forbidden,
}

impl Source<'_> {
    fn operators(&self, config: &HostConfig) -> anyhow::Result<Digest> {
        if let Some(file) = &config.admin.token_file {
            return self.of(Some(file), None).context("`admin.token_file`");
        }
        let token = std::env::var(TOKEN_VARIABLE).with_context(|| {
            format!(
                "`admin.listen` needs a token: write one into a file and name it in \
                 `admin.token_file`, or set `{TOKEN_VARIABLE}`"
            )
        })?;
        digest(&token).with_context(|| format!("the variable `{TOKEN_VARIABLE}`"))
    }

    fn of(&self, file: Option<&Path>, variable: Option<&str>) -> anyhow::Result<Digest> {
        let token = match (file, variable) {
            (Some(file), _) => {
                let path = self.root.join(file);
                self.read(&path).with_context(|| format!("cannot read `{}`", path.display()))?
            }
            (None, Some(variable)) => {
                let value = std::env::var(variable);
                value.with_context(|| format!("the variable `{variable}` of the host"))?
            }
            (None, None) => bail!("it has neither a `file` nor a `variable`"),
        };
        digest(&token)
    }

    fn read(&self, path: &Path) -> anyhow::Result<String> {
        // Everybody who can write this file has what its token allows.
        files::check_operators(path)?;
        self.forbidden.check(path)?;
        let bytes = files::read_named(path, MAX_FILE)?;
        String::from_utf8(bytes).map_err(|_| FileError::NotText.into())
    }
}

fn digest(token: &str) -> anyhow::Result<Digest> {
    let token = token.trim();
    ensure!(
        token.len() >= MIN_TOKEN,
        "the token has {} bytes: use at least {MIN_TOKEN}",
        token.len()
    );
    ensure!(
        token.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
        "the token has a character that a request's header cannot have: use letters, digits and signs of ASCII, in \
         one line"
    );
    Ok(Digest::of(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn token() -> SiteToken {
        SiteToken {
            name: "ci".to_owned(),
            site: "acmé".to_owned(),
            left: Arc::default(),
            body: Arc::new(Semaphore::new(1)),
        }
    }

    #[test]
    fn a_sites_token_opens_only_paths_of_its_site() {
        let token = token();
        for path in ["sites/acmé/status", "sites/acmé/plugins/routes/a.wasm", "sites/acmé/"] {
            assert!(token.check_path(path).is_ok(), "{path}");
        }
        let others = [
            "",
            "sites",
            "sites/",
            "status",
            "audit",
            "deploy",
            "sites/acmé",
            "sites/acme/status",
            "sites/acmé2/status",
            "sites/ACMÉ/status",
            "sites//acmé/status",
            "sites/zeta/../acmé/status",
        ];
        let mut texts = std::collections::BTreeSet::new();
        for path in others {
            let refused = token.check_path(path).expect_err(path);
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
            texts.insert(refused.message);
        }
        assert_eq!(texts.len(), 1, "it does not say what exists: {texts:?}");
    }

    #[test]
    fn a_sites_token_asks_for_so_much_in_a_minute() {
        let token = token();
        let now = Instant::now();
        assert_eq!((0..100).filter(|_| token.count_at(now).is_ok()).count(), 60);
        let later = now + Duration::from_secs(5);
        assert_eq!((0..100).filter(|_| token.count_at(later).is_ok()).count(), 5);
        let hour = now + Duration::from_secs(3_600);
        assert_eq!((0..100).filter(|_| token.count_at(hour).is_ok()).count(), 60);
    }

    #[test]
    fn a_token_has_only_what_a_header_may_have() {
        for wrong in ["a-token-für-acme-only", "a-token-of-acme\nin-two-lines"] {
            let error = digest(wrong).expect_err(wrong).to_string();
            assert!(error.contains("ASCII, in one line"), "{error}");
        }
        assert!(digest(" a token with blanks, ~ and =\r\n").is_ok());
    }

    #[test]
    fn a_token_that_is_read_again_has_no_more_changes_left() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("operator"), "the-token-of-the-operator").unwrap();
        std::fs::write(root.path().join("ci"), "a-token-for-acme-only").unwrap();
        let settings = "admin.token_file = \"operator\"\n\
                        tenants.tokens.ci = { site = \"acme\", file = \"ci\" }\n";
        let settings: HostConfig = toml::from_str(settings).expect("they are settings");
        let read = |before: &Tokens, token: &str| {
            let (tokens, wrong) = Tokens::read(root.path(), &settings, true, before);
            assert_eq!(wrong, Vec::<String>::new());
            let caller = tokens.callers.get(&Digest::of(token.as_bytes())).cloned();
            let Some(Caller::Site(token)) = caller else { panic!("{tokens:?}") };
            (tokens, token)
        };
        let (before, token) = read(&Tokens::default(), "a-token-for-acme-only");
        while token.count().is_ok() {}
        std::fs::write(root.path().join("ci"), "the-next-token-for-acme").unwrap();
        let (_, again) = read(&before, "the-next-token-for-acme");
        // A second may have gone by.
        assert!((0..50).any(|_| again.count().is_err()));
    }
}
