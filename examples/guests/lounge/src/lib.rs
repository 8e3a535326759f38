//! `/lounge`: a chat with names, by `?name=`, and the last 50 messages for each who comes in.
//! `/who` says who is there, and a plain GET gets members and messages as JSON.
//!
//! All of it is in the plugin's memory. When another version takes over, its
//! [`State`](lithe_sdk::State) goes along: nobody has to come in again, and nothing that was said
//! is lost. Change `SAYS`, and see.

mod lounge;

/// Between a name and what it says.
const SAYS: &str = ": ";
