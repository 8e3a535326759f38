//! The parameters of a request of the API.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::answer::Refusal;
use crate::pipeline::Split;
use crate::site::Terms;

/// Decodes a percent-encoded text.
pub(super) fn decoded(text: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Refusal::bad(format!("`{text}` is not UTF-8")))
}

/// The parameters, each given once.
pub(super) fn query(text: &str) -> Result<HashMap<String, String>, Refusal> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let mut query = HashMap::new();
    for (name, value) in pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        let name = decoded(name)?;
        if query.insert(name.clone(), decoded(value)?).is_some() {
            return Err(Refusal::bad(format!("`{name}` is given twice: give it once")));
        }
    }
    Ok(query)
}

/// How a change is asked for. `names` are the other parameters that the request may have.
pub(super) fn terms(query: &HashMap<String, String>, names: &[&str]) -> Result<Terms, Refusal> {
    const DRY_RUN: &str = "dry_run";
    const KEEP_MEMORY: &str = "keep_memory";
    let names = [names, &[DRY_RUN, KEEP_MEMORY]].concat();
    if let Some(name) = query.keys().find(|name| !names.contains(&name.as_str())) {
        let names = names.join("`, `");
        return Err(Refusal::bad(format!(
            "`{name}` is not a parameter here: the parameters are `{names}`"
        )));
    }
    let is_set = |name: &str| match query.get(name).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => {
            Err(Refusal::bad(format!("`{name}` must be `true` or `false`, not `{other}`")))
        }
    };
    Ok(Terms { dry_run: is_set(DRY_RUN)?, keep_memory: is_set(KEEP_MEMORY)? })
}

/// Which requests a canary gets, if the change is one.
pub(super) fn split(query: &HashMap<String, String>) -> Result<Option<Split>, Refusal> {
    let split = match (query.get("share"), query.get("header")) {
        (None, None) => return Ok(None),
        (Some(share), None) => Split::share(share),
        (None, Some(header)) => Split::header(header),
        (Some(_), Some(_)) => {
            return Err(Refusal::bad("a canary has a `share` or a `header`, not both"));
        }
    };
    split.map(Some).map_err(|error| Refusal::bad(error.to_string()))
}
