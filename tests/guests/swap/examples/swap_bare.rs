//! A version that exports nothing for a swap.

use lithe_sdk::{Event, Hooks, Message, Peer, Response, Result, UpgradeOptions};
use test_guests_swap::Swap;

struct Bare(Swap);

impl Default for Bare {
    fn default() -> Self {
        Self(Swap::new("bare", || {}))
    }
}

#[lithe_sdk::hooks]
impl Hooks for Bare {
    fn upgrade(&self, event: &Event) -> Result<UpgradeOptions> {
        self.0.upgrade(event)
    }

    fn message(&self, peer: &Peer, message: Message) -> Result<()> {
        self.0.message(peer, message)
    }

    fn fallback(&self, event: Event) -> Result<Response> {
        self.0.fallback(event)
    }
}
