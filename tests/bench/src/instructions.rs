//! Instructions for each message, counted by valgrind: what else the machine does changes nothing
//! about them. The system's own are not counted.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::compare::named;
use crate::cores;
use crate::host;
use crate::load::counted;
use crate::peer::Lithe;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The load: echo, echo-deep, echo-large, fan-out or http
    #[arg(default_value = "echo")]
    load: String,
    /// For each socket
    #[arg(long, default_value_t = 200)]
    messages: usize,
    /// Functions to list, the most expensive first
    #[arg(long, default_value_t = 25)]
    functions: usize,
    /// Another build of the host than the one of these sources
    #[arg(long)]
    host: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let load = named(&options.load)?;
    let lithe = Lithe::new(options.host.clone().map_or_else(host::build, Ok)?);
    let folder = host::target()?.join("bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("callgrind.out");
    let outer = [
        "valgrind".to_owned(),
        "--quiet".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", file.display()),
    ];
    cores::take_the_loads()?;
    let server = lithe.start_under(&outer)?;
    let dump = || {
        let mut control = Command::new("callgrind_control");
        let output = control.arg("--dump").arg(server.id().to_string()).output();
        let output = output.context("cannot run callgrind_control, which comes with valgrind")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    counted(&load, &server, options.messages, dump)?;
    dump()?;
    drop(server);
    // Counting starts again with each dump, so the second has only what came after the first.
    let profile =
        std::fs::read_to_string(file.with_extension("out.2")).context("no second dump")?;
    report(&load.to_string(), &profile, options, load.messages(options.messages));
    Ok(())
}

fn report(load: &str, profile: &str, options: &Options, messages: usize) {
    let costs = own_costs(profile);
    let each = |cost: u64| cost as f64 / messages as f64;
    let all: u64 = costs.iter().map(|(_, cost)| cost).sum();
    let mut parts: BTreeMap<Part, u64> = BTreeMap::new();
    for (function, cost) in &costs {
        *parts.entry(Part::of(function)).or_default() += cost;
    }
    println!("{load}: {:.0} instructions for each message\n\n| part | |\n|---|---|", each(all));
    for (part, cost) in parts {
        println!("| {} | {:.0} |", part.name(), each(cost));
    }
    println!("\n| function | |\n|---|---|");
    for (function, cost) in costs.iter().take(options.functions) {
        println!("| `{}` | {:.1} |", function.name, each(*cost));
    }
}

/// Where instructions are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Framing,
    Call,
    Guest,
    Host,
    Runtime,
    Memory,
    Rest,
}

impl Part {
    /// By the function itself and not by who calls it: guests run on stacks of their own, which
    /// callgrind's call graph does not follow.
    fn of(function: &Function) -> Self {
        let Function { object, name } = function;
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        // Generated code belongs to no file.
        if object.is_empty() || object == "???" {
            Self::Guest
        } else if has(&[
            "malloc", "free", "calloc", "realloc", "memcpy", "memmove", "memset", "mi_",
        ]) {
            Self::Memory
        } else if has(&[
            "tungstenite",
            "bytes::",
            "utf8",
            "transport",
            "encode_",
            "http1",
            "httparse",
        ]) {
            Self::Framing
        } else if has(&["wasmtime"]) {
            Self::Call
        } else if has(&["lithe_host::", "lithe_router::"]) {
            Self::Host
        } else if has(&["tokio::", "mio::"]) {
            Self::Runtime
        } else {
            Self::Rest
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Framing => "framing",
            Self::Call => "the call into the guest and back",
            Self::Guest => "the guest",
            Self::Host => "the host",
            Self::Runtime => "tokio",
            Self::Memory => "allocating, freeing and copying",
            Self::Rest => "the rest",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Function {
    object: String,
    name: String,
}

/// What each function costs by itself, the most expensive first (callgrind's profile data format).
fn own_costs(profile: &str) -> Vec<(Function, u64)> {
    let mut names: HashMap<(&str, &str), &str> = HashMap::new();
    let mut costs: HashMap<Function, u64> = HashMap::new();
    let (mut object, mut function) = ("", "");
    let mut is_call = false;
    for line in profile.lines() {
        if let Some((kind, name)) = line.split_once('=') {
            let kind = match kind {
                "ob" | "cob" => "object",
                "fn" | "cfn" => "function",
                _ => {
                    is_call |= kind == "calls";
                    continue;
                }
            };
            // `(number) name` where it comes for the first time, `(number)` from then on.
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            let name = match name {
                "" => names.get(&(kind, number)).copied().unwrap_or_default(),
                name => {
                    names.insert((kind, number), name);
                    name
                }
            };
            match line.split_once('=') {
                Some(("ob", _)) => object = name,
                Some(("fn", _)) => function = name,
                _ => {}
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            // Behind `calls` is what the called function costs with all that it calls.
            if std::mem::take(&mut is_call) {
                continue;
            }
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
            let key = Function { object: object.to_owned(), name: function.to_owned() };
            *costs.entry(key).or_default() += cost.unwrap_or_default();
        }
    }
    let mut costs: Vec<_> = costs.into_iter().collect();
    costs.sort_unstable_by(|(_, one), (_, other)| other.cmp(one));
    costs
}
