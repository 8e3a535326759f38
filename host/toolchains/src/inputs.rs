//! The files that a component was made from, as its tools report them.

use std::path::{Path, PathBuf};

/// A component, and the files that it was made from where its tool names them: they may lie
/// anywhere.
pub(crate) struct Component {
    pub content: Vec<u8>,
    pub inputs: Vec<PathBuf>,
}

impl From<Vec<u8>> for Component {
    fn from(content: Vec<u8>) -> Self {
        Self { content, inputs: Vec::new() }
    }
}

/// The files that a rule for `make` names after its colon, as Cargo and clang write them. Empty if
/// the rule's file does not exist.
pub(crate) fn of_rule(file: &Path) -> Vec<PathBuf> {
    parsed_rule(&std::fs::read_to_string(file).unwrap_or_default())
}

fn parsed_rule(text: &str) -> Vec<PathBuf> {
    let Some((_, behind)) = text.split_once(": ") else { return Vec::new() };
    let (mut found, mut path) = (Vec::new(), String::new());
    let mut characters = behind.chars();
    while let Some(character) = characters.next() {
        match character {
            // A space of the path, or a line that goes on.
            '\\' => path.extend(characters.next().filter(|&next| next != '\n')),
            ' ' | '\n' => {
                found.extend((!path.is_empty()).then(|| std::mem::take(&mut path).into()))
            }
            _ => path.push(character),
        }
    }
    found.extend((!path.is_empty()).then(|| path.into()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_files() {
        let rule = "/out/a.wasm: /src/lib.rs /my\\ src/b.rs \\\n  /c.h\n";
        let expected = ["/src/lib.rs", "/my src/b.rs", "/c.h"].map(PathBuf::from);
        assert_eq!(parsed_rule(rule), expected);
        assert_eq!(parsed_rule("/out/a.wasm:\n"), Vec::<PathBuf>::new());
        assert_eq!(parsed_rule(""), Vec::<PathBuf>::new());
    }
}
