//! A version that works, without a health check.

test_guests_swap::version!("v3");
