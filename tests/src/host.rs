//! A host that serves a site.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use bytes::Bytes;
use http::Request;

use crate::artifacts::CACHE;
use crate::deadline::{eventually, within};
use crate::http_client::{self, Response};
use crate::proc::Task;
use crate::process::{Process, Signal};
use crate::raw::Raw;
use crate::site::Site;
use crate::websocket::Client;

/// A site and how it is to be served.
#[derive(Debug)]
pub struct Builder {
    program: PathBuf,
    command: &'static str,
    site: Site,
    folder: Option<PathBuf>,
    listen: String,
    cache: PathBuf,
    environment: Vec<(OsString, OsString)>,
    redirection: Option<&'static str>,
    stderr: Option<OwnedFd>,
    has_defaults: bool,
    before: Vec<String>,
}

/// A host that serves.
#[derive(Debug)]
pub struct TestHost {
    pub address: SocketAddr,
    pub site: Site,
    program: PathBuf,
    process: Process,
}

/// A host that did not start, or a command that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl TestHost {
    /// An empty site, to be served by this program.
    pub fn builder(program: impl Into<PathBuf>) -> Builder {
        Builder {
            program: program.into(),
            command: "serve",
            site: Site::default(),
            folder: None,
            listen: "127.0.0.1:0".to_owned(),
            cache: CACHE.into(),
            environment: Vec::new(),
            redirection: None,
            stderr: None,
            has_defaults: false,
            before: Vec::new(),
        }
    }

    /// A GET request on a connection of its own.
    pub async fn get(&self, path: &str) -> Response {
        self.send(Request::get(path).body("").expect("the path is valid")).await
    }

    /// A request on a connection of its own.
    pub async fn send<B: Into<Bytes>>(&self, request: Request<B>) -> Response {
        let what = format!("an answer to {} {}", request.method(), request.uri());
        within(&what, http_client::send(self.address, request)).await
    }

    /// An open WebSocket.
    pub async fn connect(&self, path: &str) -> Client {
        self.connect_with(path, &[]).await
    }

    /// An open WebSocket, requested with these additional headers.
    pub async fn connect_with(&self, path: &str, headers: &[(&str, &str)]) -> Client {
        within("a handshake", Client::connect(self.address, path, headers)).await
    }

    /// The answer to a handshake in which these headers are changed. An empty value leaves a header
    /// out.
    pub async fn handshake(&self, path: &str, changes: &[(&str, &str)]) -> Response {
        let mut raw = self.raw().await;
        raw.handshake(path, changes).await
    }

    /// A connection on which nothing has been sent.
    pub async fn raw(&self) -> Raw {
        within("a connection", Raw::connect(self.address)).await
    }

    /// A connection after its handshake.
    pub async fn raw_socket(&self, path: &str) -> Raw {
        let mut raw = self.raw().await;
        assert_eq!(raw.handshake(path, &[]).await.status, 101, "{path}");
        raw
    }

    /// Waits for one log line that has all of these words.
    pub async fn wait_for_log(&self, words: &[&str]) -> Arc<str> {
        self.process.logs(words).await
    }

    /// Everything that has been logged until now.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Runs a command about the site, such as `deploy`, to its end; the arguments follow the site.
    ///
    /// # Panics
    /// It does not end.
    pub async fn command(&self, name: &str, arguments: &[&str]) -> Ended {
        self.command_in("", name, arguments).await
    }

    /// Runs a command about the site in a folder of the folder, to its end.
    ///
    /// # Panics
    /// It does not end.
    pub async fn command_in(&self, folder: &str, name: &str, arguments: &[&str]) -> Ended {
        let mut command = Command::new(&self.program);
        command.arg(name).arg(self.site.folder().join(folder)).args(arguments);
        let mut process = Process::start(&mut command);
        let status = process.exit().await;
        Ended { status, stdout: process.printed(), stderr: process.log() }
    }

    /// The process's threads.
    pub fn threads(&self) -> Vec<Task> {
        self.process.threads()
    }

    /// The process's number.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The most memory that the process has had resident until now, in bytes.
    pub fn peak_memory(&self) -> usize {
        self.process.peak_memory()
    }

    /// Its resident memory, in bytes.
    pub fn resident_memory(&self) -> usize {
        self.process.resident_memory()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for the end of the process.
    pub async fn exit(&mut self) -> ExitStatus {
        self.process.exit().await
    }
}

impl Builder {
    /// The command, such as `lithe build` or `lithe dev`. By default it is `lithe serve`.
    #[must_use]
    pub fn command(mut self, command: &'static str) -> Self {
        self.command = command;
        self
    }

    /// A component for a route: the name of its file below `routes/`, without `.wasm`.
    #[must_use]
    pub fn route(self, stem: &str, component: &str) -> Self {
        self.component(&format!("routes/{stem}.wasm"), component)
    }

    /// A component anywhere in the site, such as `middleware/01_log.wasm`.
    #[must_use]
    pub fn component(self, file: &str, component: &str) -> Self {
        self.site.copy(file, Path::new(component));
        self
    }

    /// What `lithe.toml` says. Times that it does not set are generous.
    #[must_use]
    pub fn config(self, text: &str) -> Self {
        self.file("lithe.toml", text)
    }

    /// A file below `public/`.
    #[must_use]
    pub fn public(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.file(&format!("public/{name}"), content)
    }

    /// Any file of the site.
    #[must_use]
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.site.write(name, content);
        self
    }

    /// The site's folder, for what is not a plain file.
    #[must_use]
    pub fn site_folder(&self) -> PathBuf {
        self.site.folder()
    }

    /// A symbolic link in the site.
    #[must_use]
    pub fn link(self, name: &str, target: &str) -> Self {
        self.site.link(name, target);
        self
    }

    /// How many descriptors the process may have open.
    #[must_use]
    pub fn open_files(self, limit: u64) -> Self {
        self.after(&format!("ulimit -n {limit}"))
    }

    /// A shell command that runs before the host, in its process.
    #[must_use]
    pub fn after(mut self, command: &str) -> Self {
        self.before.push(format!("{command}; "));
        self
    }

    /// Another site than the one that was built.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    #[must_use]
    pub fn listen(mut self, address: impl ToString) -> Self {
        self.listen = address.to_string();
        self
    }

    /// Another cache than that of all tests.
    #[must_use]
    pub fn cache(mut self, folder: &Path) -> Self {
        self.cache = folder.to_owned();
        self
    }

    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs it with a redirection of the shell's, such as `2>&-`.
    #[must_use]
    pub fn redirected(mut self, redirection: &'static str) -> Self {
        self.redirection = Some(redirection);
        self
    }

    /// Where its standard error goes, instead of the test's log.
    #[must_use]
    pub fn stderr(mut self, stream: impl Into<OwnedFd>) -> Self {
        self.stderr = Some(stream.into());
        self
    }

    /// Starts the host, which does not say its address, and waits until it can be connected to.
    ///
    /// # Panics
    /// It does not become ready.
    pub async fn start_at(self, address: SocketAddr) -> TestHost {
        let builder = self.listen(address);
        if !builder.has_defaults {
            builder.site.be_generous();
        }
        let process = builder.run();
        eventually("a connection", async || tokio::net::TcpStream::connect(address).await.ok())
            .await;
        TestHost { address, site: builder.site, program: builder.program, process }
    }

    /// For a test of the defaults: a site has them wherever its settings say nothing else.
    #[must_use]
    pub fn defaults(mut self) -> Self {
        self.has_defaults = true;
        self
    }

    /// Starts the host and waits until it is ready.
    ///
    /// # Panics
    /// It does not become ready.
    pub async fn start(self) -> TestHost {
        if !self.has_defaults {
            self.site.be_generous();
        }
        let process = self.run();
        let address = process.says("listening on http://").await;
        let address = address.parse().expect("it says an address");
        TestHost { address, site: self.site, program: self.program, process }
    }

    /// Waits for the end of a command that ends by itself.
    ///
    /// # Panics
    /// It does not end.
    pub async fn end(self) -> Ended {
        let mut process = self.run();
        let status = process.exit().await;
        Ended { status, stdout: process.printed(), stderr: process.log() }
    }

    fn run(&self) -> Process {
        let before = self.before.concat();
        let mut command = match self.redirection {
            None if before.is_empty() => Command::new(&self.program),
            redirection => {
                let redirection = redirection.unwrap_or_default();
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("{before}exec \"$0\" \"$@\" {redirection}"));
                shell.arg(&self.program);
                shell
            }
        };
        command.arg(self.command);
        command.arg(self.folder.clone().unwrap_or_else(|| self.site.folder()));
        if self.command != "build" {
            command.args(["--listen", &self.listen]).arg("--cache").arg(&self.cache);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut process = match &self.stderr {
            None => Process::start(&mut command),
            Some(stream) => {
                let stream = stream.try_clone().expect("there are files left");
                Process::start_with(&mut command, stream.into())
            }
        };
        if self.command != "serve" {
            process.builds();
        }
        process
    }
}

impl Ended {
    /// What the command printed, which has succeeded.
    ///
    /// # Panics
    /// It has failed.
    pub fn succeeded(&self) -> &str {
        assert!(self.status.success(), "{}", self.stderr);
        &self.stderr
    }

    /// # Panics
    /// The command did not end with this code.
    pub fn fails_with(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{}", self.stderr);
    }

    /// # Panics
    /// The command did not fail with an error that has all of these words.
    pub fn says(&self, words: &[&str]) {
        let Self { status, stderr, .. } = self;
        assert_eq!(status.code(), Some(1), "{stderr}");
        let error = stderr.lines().any(|line| line.starts_with("error: "));
        assert!(error, "no line begins with `error: `:\n{stderr}");
        for word in words {
            assert!(stderr.contains(word), "no `{word}` in:\n{stderr}");
        }
    }
}
