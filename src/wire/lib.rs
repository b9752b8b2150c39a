//! The verbs of `token` as messages between an application and `hsmd`: homes and their
//! configuration, the client, the server, and how the one starts the other. It never interprets a
//! verb.
//!
//! `docs/wire-format.md` has the bytes.

mod buffer;
mod client;
mod configuration;
mod frame;
mod held;
pub mod home;
mod memory;
mod message;
mod pace;
mod passing;
mod requests;
mod runtime;
pub mod server;
mod slot;
pub mod start;
mod system;
#[cfg(test)]
mod testing;

pub use client::Client;
pub use configuration::{
    Configuration, Group, Log, LogLevel, LogTarget, PerHsm, Profile, Slots, SocketAccess, Start,
};
pub use home::Home;
pub use requests::{InFlight, Numbers, Requests};
pub use runtime::{Runtime, SIGNPOST, SOCKET, hash as runtime_name};
pub use system::inherited_descriptor;

/// Reads bytes that came from outside as every kind of message: what a fuzzer calls. Answers
/// whether they were any.
pub fn decode(bytes: &[u8]) -> bool {
    let header = frame::Header::decode(bytes).is_ok();
    let verb = message::Verb::decode(bytes, &[]).is_some();
    let joined = message::Verb::decode_joined(bytes, &[]).is_some();
    let hello = message::Hello::decode(bytes).is_some();
    let welcome = message::read::<message::Welcome<'_>>(bytes).is_some();
    let refusal = message::read::<message::Refusal>(bytes).is_some();
    header || verb || joined || hello || welcome || refusal
}
