//! What a hostile guest does, by a word.

#![allow(clippy::panic, reason = "guests misbehave on purpose")]

use std::hint::black_box;

/// Misbehaves where the word says so, and otherwise returns.
///
/// # Panics
/// On `panic`; `loop`, `memory`, `print` and `exit` do not return either.
pub fn by_word(word: &str) {
    match word {
        "panic" => panic!("as told"),
        "loop" => spin(),
        "memory" => eat(),
        "print" => print_lines(),
        "exit" => std::process::exit(3),
        _ => {}
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns).wrapping_add(1);
    }
}

fn eat() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn print_lines() -> ! {
    let mut number = 0_u64;
    loop {
        println!("line {number}, {}", "and more of it ".repeat(6));
        number = number.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_word_does_nothing() {
        by_word("hello");
    }

    #[test]
    #[should_panic(expected = "as told")]
    fn panic_panics() {
        by_word("panic");
    }
}
