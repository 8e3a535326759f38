//! What a lookup costs with 10, 1,000 and 100,000 routes: `cargo bench --bench router`.
//!
//! The numbers for one line must not grow with the table: only memory, and so cache misses, does.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use http::Method;
use lithe_router::{Found, Path, Pattern, Router, Scopes};

fn main() {
    println!("{:<26}{:>12}{:>12}{:>12}", "ns for each request", 10, 1_000, 100_000);
    let tables = [10, 1_000, 100_000].map(table);
    for (name, path) in [
        ("static", "/api/resource5/list"),
        ("parameter", "/api/resource6/items/42"),
        ("two parameters", "/api/resource7/items/42/parts/7"),
        ("regex", "/api/resource8/at/2024"),
        ("embedded", "/api/resource8/files/readme.md"),
        ("catch-all", "/api/resource9/docs/a/b/c/d"),
        ("encoded", "/api/resource6/items/caf%C3%A9"),
        ("nothing", "/api/resource5/nothing/here"),
        ("fallback", "/other"),
        ("255 segments", &"/api".repeat(255)),
    ] {
        print!("{name:<26}");
        for table in &tables {
            print!("{:>12}", nanoseconds(|| find(table, path)));
        }
        println!();
    }
    print!("{:<26}", "static, all in turn");
    for (table, routes) in tables.iter().zip([10, 1_000, 100_000]) {
        let paths: Vec<_> =
            (0..routes).step_by(5).map(|n| format!("/api/resource{n}/list")).collect();
        let next = Cell::new(0);
        let in_turn = || {
            // A prime step, so that neighbours in memory do not help.
            next.set((next.get() + 7919) % paths.len());
            find(table, &paths[next.get()]);
        };
        print!("{:>12}", nanoseconds(in_turn));
    }
    println!();
    let scopes = scopes();
    let matching = || {
        let path = Path::parse(black_box("/admin/users/42")).map(|path| {
            black_box(scopes.matching(&Method::GET, &path).count());
        });
        black_box(path).ok();
    };
    println!("{:<26}{:>12}", "three scopes of 100,000", nanoseconds(matching));
    let begin = Instant::now();
    drop(black_box(table(100_000)));
    println!("100,000 routes are read, added and dropped in {:?}", begin.elapsed());
}

fn find(router: &Router<usize>, path: &str) {
    if let Ok(path) = Path::parse(black_box(path)) {
        let found = router.find(&Method::GET, &path);
        black_box(matches!(found, Found::Route { .. }));
    }
}

/// Routes of each form, one after the other, and a fallback. The regex and embedded ones are in
/// folders of their own: those in one folder are tried in turn.
fn table(routes: usize) -> Router<usize> {
    let mut router = Router::default();
    let mut add = |number: usize, rest: &str| {
        let text = format!("/api/resource{number}{rest}");
        if let Ok(pattern) = Pattern::parse(&text) {
            router.insert(None, pattern, number).map_err(|(conflict, _)| conflict).ok();
        }
    };
    for number in 0..routes {
        match number % 5 {
            0 => add(number, "/list"),
            1 => add(number, "/items/:id"),
            2 => add(number, "/items/:id/parts/:part"),
            3 if number % 2 == 0 => {
                add(number, r"/at/:year(\d+)");
                add(number, "/files/:name.:ext");
            }
            3 => add(number, r"/at/:year(\d+)"),
            _ => add(number, "/docs/**:path"),
        }
    }
    if let Ok(pattern) = Pattern::parse("/**:all") {
        router.insert(None, pattern, routes).map_err(|(conflict, _)| conflict).ok();
    }
    router
}

fn scopes() -> Scopes<usize> {
    let mut scopes = Scopes::default();
    let others = (0..100_000).map(|number| format!("/part{number}/**"));
    let texts = ["/**", "/admin/**", "/admin/users/**"].map(str::to_owned);
    for (number, text) in texts.into_iter().chain(others).enumerate() {
        if let Ok(pattern) = Pattern::parse(&text) {
            scopes.insert(None, &pattern, number);
        }
    }
    scopes
}

/// The median of 20 rounds, each about 5 ms.
fn nanoseconds(work: impl Fn()) -> u128 {
    let mut calls = 1;
    while time(&work, calls) < Duration::from_millis(5) {
        calls *= 2;
    }
    let mut rounds: Vec<u128> =
        (0..20).map(|_| time(&work, calls).as_nanos() / u128::from(calls)).collect();
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}

fn time(work: &impl Fn(), calls: u32) -> Duration {
    let begin = Instant::now();
    (0..calls).for_each(|_| work());
    begin.elapsed()
}
