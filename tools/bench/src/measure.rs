//! Medians of things that are run in turns.

use std::time::Instant;

/// Something to measure: its name, and one run of it.
pub(crate) struct Subject<'a> {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut() + 'a>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// The median time of one run of each subject, in nanoseconds.
///
/// Each round times `batch` runs of every subject, one subject after the other, so that a change of the machine's
/// speed meets all of them alike.
pub(crate) fn medians(subjects: &mut [Subject<'_>], rounds: usize, batch: u32) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(rounds); subjects.len()];
    for round in 0..rounds + rounds / 10 {
        for (subject, times) in subjects.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..batch {
                (subject.run)();
            }
            let each = start.elapsed().as_nanos() as f64 / f64::from(batch);
            // The first tenth warms caches and branch predictors.
            if round >= rounds / 10 {
                times.push(each);
            }
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
