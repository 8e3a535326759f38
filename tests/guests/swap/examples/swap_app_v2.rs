//! A version with several routes.

use std::rc::Rc;

use lithe_sdk::App;
use test_guests_swap::Swap;

thread_local! {
    static SWAP: Rc<Swap> = Rc::new(Swap::new("v2", || {}));
}

#[lithe_sdk::app(websocket, state = SWAP)]
fn app() -> App {
    test_guests_swap::app(SWAP.with(Rc::clone))
}
