//! `/lounge`: a chat with names, by `?name=`, and the last 50 messages for everyone who comes in.
//! `/who` lists the members, and a plain GET gets members and messages as JSON.
//!
//! All of it is in the plugin's memory. When another version takes over, its
//! [`State`](lithe_sdk::State) moves along: nobody has to come in again, and no message is lost.
//! Change `SAYS`, and see.

mod lounge;

/// The text between a name and a message.
const SAYS: &str = ": ";
