//! What a component was made from, as its tools tell it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

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

/// What a rule for `make` names behind its colon, as Cargo and clang write them. Where there is no
/// such file, nothing is known.
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

/// What esbuild's metafile names: paths from the folder that it ran in.
///
/// # Errors
/// The file cannot be read, or is not a list of inputs.
pub(crate) fn of_metafile(file: &Path) -> anyhow::Result<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Metafile {
        inputs: std::collections::BTreeMap<PathBuf, serde::de::IgnoredAny>,
    }
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    let metafile: Metafile = serde_json::from_str(&text)?;
    let folder = file.parent().unwrap_or(file);
    Ok(metafile.inputs.into_keys().map(|path| folder.join(path)).collect())
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
