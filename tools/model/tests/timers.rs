//! `spec-crate/formal/timers.md`, on the constants as they are: every inequality of the proof, at every corner.

use hispos::message::agreement::Timers;

/// A clock's greatest error against true time, in millionths: 200 between two clocks.
const PPM: i128 = 100;
/// Beyond the drift: HIS rounds start_by down to whole seconds, and never up.
const ROUNDING: i128 = 1_000;
/// The age of a session ends at 24 h, and start_by is told in its time.
const DAY: i128 = 86_400_000;

fn ms(duration: u64) -> i128 {
    i128::from(duration)
}

/// Errors of both clocks. Everything below is monotonic in each error, so that its corners are enough.
fn corners(most: i128) -> Vec<(i128, i128)> {
    let errors = [-most, 0, most];
    errors.into_iter().flat_map(|his| errors.map(|pos| (his, pos))).collect()
}

/// Whether `shown` on a clock with this error has passed no later than `other` on another one, with equal starts:
/// `shown / (1 + error) <= other / (1 + error')`, in whole numbers.
fn no_later(shown: i128, error: i128, other: i128, other_error: i128) -> bool {
    shown * (1_000_000 + other_error) <= other * (1_000_000 + error)
}

/// Whether a lease that is given at this age of a session ends at the POS no later than at HIS.
fn lease_holds(his: i128, pos: i128, age: i128, rounded: i128) -> bool {
    let timers = Timers::USUAL;
    // Both count from M2, the POS from no later; HIS rounds start_by down to whole seconds.
    let act_by = age + ms(timers.start) - rounded + ms(timers.act);
    let lease_end = age + ms(timers.full_lease());
    no_later(act_by, pos, lease_end, his)
}

#[test]
fn a_lease_ends_at_the_pos_no_later_than_at_his() {
    for (his, pos) in corners(PPM) {
        for age in (0..=DAY).step_by(60_000) {
            for rounded in [0, ROUNDING - 1] {
                assert!(lease_holds(his, pos, age, rounded), "his {his} pos {pos} age {age}");
            }
        }
    }
}

#[test]
fn clocks_that_are_200_ppm_off_to_either_side_need_sessions_below_14_hours() {
    let fails = (0..=DAY).step_by(60_000).find(|age| !lease_holds(200, -200, *age, 0));
    assert_eq!(fails, Some(49_800_000));
}

#[test]
fn another_device_looks_only_behind_every_fence() {
    let timers = Timers::USUAL;
    for (his, pos) in corners(PPM) {
        // The last byte of money leaves just before act_by; at the latest its connection ends T_HTTP behind, and it
        // takes effect T_FENCE behind that, by the platform's true time.
        let act_by = DAY + ms(timers.start) + ms(timers.act);
        let ends = act_by + ms(timers.http);
        let looks = DAY + ms(timers.full_lease()) + ms(timers.quiet);
        // ends / (1 + pos) + fence <= looks / (1 + his), in whole numbers.
        let (own, other) = (1_000_000 + pos, 1_000_000 + his);
        let left = ends * 1_000_000 * other + ms(timers.fence) * own * other;
        assert!(left <= looks * 1_000_000 * own, "his {his} pos {pos}");
    }
    assert_eq!(ms(timers.quiet), ms(timers.http) + ms(timers.fence));
}

#[test]
fn a_pay_has_expired_before_its_fence_and_before_anybody_else_looks() {
    let timers = Timers::USUAL;
    // Written by start_by at the latest, it expires T_EXPIRY behind its answer's Date, which is earlier.
    assert!(timers.expiry <= timers.fence);
    assert!(ms(timers.expiry) + 2 * ms(timers.drift) < ms(timers.act) + ms(timers.quiet));
}

#[test]
fn a_reverse_has_time_before_the_lease_ends() {
    let timers = Timers::USUAL;
    for poll in [timers.poll_wechat, timers.poll_alipay] {
        // A pay at start_by is polled, and then reversed at least three times (behind 0, 2 and 6 s) with its answers.
        let each = ms(timers.connect) + ms(timers.http);
        assert!(ms(poll) + each + 6_000 + 2 * each < ms(timers.act), "poll {poll}");
        assert!(poll >= timers.reverse_min);
    }
    assert!(timers.reverse_min >= timers.http, "a pay's connection has ended before its first reverse");
}

#[test]
fn three_absences_fit_behind_a_fence_within_a_minute() {
    let timers = Timers::USUAL;
    assert!(timers.absence_gap >= timers.query);
    assert!(3 * timers.absence_gap + timers.http <= 60_000);
}
