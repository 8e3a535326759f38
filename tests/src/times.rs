//! What many times come to.

use std::time::Duration;

/// The time that `share` percent of the times do not exceed. Zero if there are none.
pub fn percentile(share: usize, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let rank = (times.len() * share).div_ceil(100);
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_them_are_not_longer() {
        let percentile = |share, times: &[u64]| {
            let mut times: Vec<_> = times.iter().copied().map(Duration::from_millis).collect();
            percentile(share, &mut times).as_millis()
        };
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!([1, 50, 99, 100].map(|share| percentile(share, &hundred)), [1, 50, 99, 100]);
        assert_eq!([50, 51, 99].map(|share| percentile(share, &[20, 10])), [10, 20, 20]);
        assert_eq!((percentile(99, &[7]), percentile(99, &[])), (7, 0));
    }
}
