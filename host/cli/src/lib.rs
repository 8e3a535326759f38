//! The commands, and what they print for people.

mod add;
mod audit;
mod build;
mod client;
mod compile;
mod deploy;
mod dev;
mod inspect;
mod new;
mod progress;
mod routes;
mod serve;
mod signals;
mod status;
mod table;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytesize::ByteSize;
use clap::builder::OsStringValueParser;
use clap::{Args, Parser, Subcommand};

use lithe_host::internals::log;

use lithe_host::internals::plugin::MAX_CACHE;

/// It gives memory back to the system some seconds after a burst, on a thread of its own. The C
/// library's allocator keeps most of it (ARCHITECTURE.md, "Speed").
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A WebAssembly plugin host for HTTP and WebSocket.
///
/// A site is a folder: `routes/` has one component for each route (`routes/rooms/[id].get.wasm`
/// answers GET /rooms/42), `public/` static files, and `lithe.toml` the settings.
#[derive(Debug, Parser)]
#[command(
    name = "lithe",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  lithe dev examples                        build, serve, and rebuild on every change
  lithe build examples                      only build the components named in lithe.toml
  lithe serve examples --listen 0.0.0.0:80  serve what is built
  lithe deploy examples routes/chat.wasm new.wasm
                                            serve a new version; open sockets stay open
  lithe rollback examples routes/chat.wasm  serve the previous version again

Log lines go to standard error; LITHE_LOG chooses them, such as LITHE_LOG=debug or
LITHE_LOG=info,access=debug for a line for each request."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new site with a handler in the language of your choice
    ///
    /// The site has a source below `guests/`, the `lithe.toml` that builds it, and a test.
    New(new::Options),
    /// Add a route to a site, with a handler in the language of your choice
    ///
    /// The handler has a source below `guests/`, and a line under `[build]` in `lithe.toml`.
    Add(add::Options),
    /// Build the components that a site names from source
    ///
    /// `lithe.toml` names them under `[build]`: the component's file, and the folder of its source,
    /// such as `"routes/echo.wasm" = "guests/echo"`, or `{ source = "guests/echo", kind = "hooks"
    /// }` for other languages than Rust. The files in the folder tell the language: Cargo.toml,
    /// package.json, pyproject.toml, go.mod, main.zig, or C and C++ files. If a tool is missing,
    /// the error names the command that installs it.
    Build(BuildOptions),
    /// Serve a site
    ///
    /// Prints `listening on http://ADDRESS` when it is ready. SIGINT and SIGTERM stop it
    /// gracefully: requests finish, and sockets close with 1001. A second signal ends it at once.
    /// SIGHUP makes it look at all sites again.
    Serve(ServeOptions),
    /// Serve new versions of components, all or none, while sockets stay open
    ///
    /// The host that serves the site loads each new version beside the old one, checks that it
    /// starts and is healthy, and switches in one step. If anything fails, the old versions keep
    /// serving. The files are written into the site. Memory moves to the new version if both
    /// versions export `state`. Before memory is lost, the command asks, if it runs in a terminal.
    Deploy(DeployOptions),
    /// Serve an earlier version of a component again
    ///
    /// This is the previous version, or the one that `--to` names. `lithe status` lists them.
    Rollback(RollbackOptions),
    /// Promote a canary: serve it to everybody
    Promote(CanaryOptions),
    /// Drop a canary: serve it to nobody
    ///
    /// Its sockets move to the stable version, if their state can move.
    Drop(CanaryOptions),
    /// Print what is served: versions, sockets, and versions that still drain
    Status(StatusOptions),
    /// Print who has asked for which change, and what came of it
    ///
    /// Prints a line for each deploy, rollback, promotion and drop: when it was, whose token it was
    /// and from where, the components with their digests, and the result. Prints the newest 10,000
    /// at most.
    Audit(AuditOptions),
    /// Print the table of routes
    ///
    /// Prints method, pattern, component, and the middleware and error handlers that apply:
    /// middleware in the order in which it runs, error handlers with the nearest first.
    Routes(RoutesOptions),
    /// Describe a component
    ///
    /// Prints the world that it fits, its imports and whether they are granted, its exports, its
    /// size, what made it, and its digest. For a component that fits no world, prints the
    /// difference, and exits with status 1.
    Inspect(InspectOptions),
    /// Build a site, serve it, and rebuild and replace what changes
    ///
    /// If anything fails, the previous version keeps serving.
    Dev(ServeOptions),
    /// Compile a component from standard input to standard output
    ///
    /// The host starts this command to compile within bounds.
    #[command(hide = true)]
    Compile(CompileOptions),
}

#[derive(Debug, Args)]
struct CompileOptions {
    /// The most bytes of memory that it may use
    #[arg(long, value_name = "BYTES")]
    memory: u64,
    /// The most milliseconds of CPU time that it may take
    #[arg(long, value_name = "MILLISECONDS")]
    time: u64,
    /// Compile in less time, to code that runs slower
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Args)]
struct BuildOptions {
    /// The site's folder
    site: PathBuf,
}

#[derive(Debug, Args)]
struct SiteOptions {
    /// The folder of a site that is being served; with `--admin`, the site's name
    site: PathBuf,
    #[command(flatten)]
    host: HostOptions,
}

/// Which host is asked. By default, it is the one of this user that serves the folder.
#[derive(Debug, Args)]
struct HostOptions {
    /// Ask the host whose admin listens at this address (`admin.listen`), with a token: the
    /// operator's, or the site's
    #[arg(long, value_name = "ADDRESS", env = "LITHE_ADMIN")]
    admin: Option<String>,
    /// The file with the token [default: the variable `LITHE_ADMIN_TOKEN` has it]
    #[arg(long, value_name = "FILE", requires = "admin")]
    token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct AuditOptions {
    /// The folder of a site, or of all sites of a host; with `--admin`, the site's name, or nothing
    /// for all sites [default: the working folder]
    site: Option<PathBuf>,
    #[command(flatten)]
    host: HostOptions,
    /// Print only what happened since, such as 1h, 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Print a line of JSON for each change
    #[arg(long)]
    json: bool,
}

/// How a change is asked for.
#[derive(Clone, Copy, Debug, Args)]
struct TermsOptions {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Refuse to lose what a plugin has in memory
    #[arg(long)]
    keep_memory: bool,
    /// Do not ask before memory is lost
    ///
    /// The command asks only in a terminal. Elsewhere it makes the change, and reports what is
    /// lost.
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
struct CanaryOptions {
    #[command(flatten)]
    site: SiteOptions,
    #[command(flatten)]
    terms: TermsOptions,
}

#[derive(Debug, Args)]
struct DeployOptions {
    #[command(flatten)]
    site: SiteOptions,
    /// The components: for each, its place in the site, such as routes/chat.wasm, and the file of
    /// its new version
    #[arg(required = true, num_args = 2.., value_names = ["PLUGIN", "FILE"])]
    components: Vec<PathBuf>,
    /// Serve it only for a share of the requests, such as 5%, until `lithe promote` or `lithe drop`
    #[arg(long, value_name = "PERCENT", conflicts_with = "header")]
    share: Option<String>,
    /// Serve it only for requests with a header, such as "x-canary: yes"
    #[arg(long, value_name = "NAME: VALUE")]
    header: Option<String>,
    #[command(flatten)]
    terms: TermsOptions,
}

#[derive(Debug, Args)]
struct RollbackOptions {
    #[command(flatten)]
    site: SiteOptions,
    /// The component's place in the site, such as routes/chat.wasm
    plugin: String,
    /// The beginning of the version's digest
    #[arg(long, value_name = "DIGEST")]
    to: Option<String>,
    #[command(flatten)]
    terms: TermsOptions,
}

#[derive(Debug, Args)]
struct StatusOptions {
    #[command(flatten)]
    site: SiteOptions,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CacheOptions {
    /// The folder for compiled components [default: `lithe` in the user's cache folder]
    #[arg(long, value_name = "FOLDER", env = "LITHE_CACHE", value_parser = OsStringValueParser::new())]
    cache: Option<OsString>,
    /// The most bytes that it may hold; the least recently used components are removed first
    #[arg(long, value_name = "SIZE", env = "LITHE_CACHE_SIZE", default_value_t = MAX_CACHE)]
    cache_size: ByteSize,
}

impl CacheOptions {
    /// A variable that is empty counts as not set.
    fn folder(&self) -> Option<&Path> {
        self.cache.as_deref().filter(|cache| !cache.is_empty()).map(Path::new)
    }
}

#[derive(Debug, Args)]
struct RoutesOptions {
    /// The site's folder
    site: PathBuf,
    #[command(flatten)]
    cache: CacheOptions,
}

#[derive(Debug, Args)]
struct InspectOptions {
    /// The component's file
    file: PathBuf,
    #[command(flatten)]
    cache: CacheOptions,
}

#[derive(Debug, Args)]
struct ServeOptions {
    /// The site's folder
    site: PathBuf,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4000", value_parser = with_port)]
    listen: String,
    #[command(flatten)]
    cache: CacheOptions,
}

/// Checks that an address names its port, too.
fn with_port(address: &str) -> Result<String, String> {
    let shown = match address.parse() {
        Ok(IpAddr::V6(_)) => format!("[{address}]"),
        _ if !address.contains(':') => address.to_owned(),
        _ => return Ok(address.to_owned()),
    };
    Err(format!("it has no port: write `{shown}:4000`"))
}

/// Runs the command line. Errors go to standard error, with what to do next.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let _log = match log::start() {
        Ok(log) => log,
        Err(error) => {
            log::say(format_args!("error: cannot start the thread of the log: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = match cli.command {
        Command::New(options) => new::run(&options),
        Command::Add(options) => add::run(&options),
        Command::Build(options) => build::run(&options),
        Command::Serve(options) => serve::run(&options),
        Command::Deploy(options) => deploy::run(&options),
        Command::Rollback(options) => deploy::roll_back(&options),
        Command::Promote(options) => deploy::promote(&options),
        Command::Drop(options) => deploy::drop_canary(&options),
        Command::Status(options) => status::run(&options),
        Command::Audit(options) => audit::run(&options),
        Command::Routes(options) => routes::run(&options),
        Command::Inspect(options) => inspect::run(&options),
        Command::Dev(options) => dev::run(&options),
        Command::Compile(options) => compile::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::say(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
