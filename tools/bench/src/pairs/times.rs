//! What times of a kind have in common.

use std::time::Duration;

/// Times, the shortest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds that so many of 100 did not exceed; `NaN` of no times.
    ///
    /// The nearest rank: always a time that was measured, never one between two.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Times;
    use std::time::Duration;

    fn times(milliseconds: impl IntoIterator<Item = u64>) -> Times {
        Times::new(milliseconds.into_iter().map(Duration::from_millis).collect())
    }

    #[test]
    fn a_percentile_is_the_nearest_rank_in_whatever_order_they_came() {
        let all = times((1..=200).rev());
        assert_eq!([50, 95, 99, 100].map(|percent| all.percentile(percent)), [100.0, 190.0, 198.0, 200.0]);
        let few = times([30, 10, 20]);
        assert_eq!(
            [0, 33, 34, 50, 95].map(|percent| few.percentile(percent)),
            [10.0, 10.0, 20.0, 20.0, 30.0]
        );
    }

    #[test]
    fn one_time_is_every_percentile_and_none_has_no_number() {
        assert_eq!([1, 50, 95].map(|percent| times([7]).percentile(percent)), [7.0; 3]);
        assert!(times([]).percentile(50).is_nan());
    }
}
