//! The two clocks of a link, read from the operating system.
//!
//! The monotonic one counts milliseconds since boot, runs during sleep, is never set, and is the same for every
//! process of one boot: `CLOCK_BOOTTIME` on Linux, the tick count (biased interrupt time) on Windows, whose steps are
//! 10 to 16 ms. Other systems have only `CLOCK_MONOTONIC`, which may stop during sleep: fit for trying things out.

use std::time::{SystemTime, UNIX_EPOCH};

use hispos::time::{Instant, UnixSeconds};

/// 2025-01-01: a machine that thinks it is earlier has lost its clock.
const UNIX_SECONDS_MIN: u64 = 1_735_689_600;

/// The monotonic clock.
#[must_use]
pub fn instant() -> Instant {
    Instant(boot_millis())
}

/// Unix time, or `None` if the machine has no trustworthy time: before 2025 no copy of this program existed.
#[must_use]
pub fn unix() -> Option<UnixSeconds> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    trusted(seconds)
}

fn trusted(seconds: u64) -> Option<UnixSeconds> {
    (seconds >= UNIX_SECONDS_MIN).then_some(UnixSeconds(seconds))
}

/// Identifies this boot of the machine.
///
/// Where the system has no such id, every call gives another one: a restart of the program then counts as a reboot,
/// which only ever makes the link ask more and pay less.
#[must_use]
pub fn boot_id() -> [u8; 16] {
    //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
    //# A POS program MUST take as boot 16 bytes that are equal for all programs of one boot of the machine
    //# and differ between two boots, or new random bytes at each start where the system has no such value.
    system_boot_id().unwrap_or_else(|| {
        let mut id = [0; 16];
        hispos::crypto::Entropy::fill(&mut crate::entropy::OsEntropy, &mut id);
        id
    })
}

#[cfg(unix)]
fn boot_millis() -> u64 {
    //= spec-crate/spec/orders.md#time
    //# A HIS and a POS MUST measure every timer of this chapter with a clock that counts milliseconds since
    //# the boot of the machine, runs during sleep, is never set, is at most 200 ppm fast or slow, and is the
    //# same for every process of one boot.
    #[cfg(target_os = "linux")]
    //= spec-crate/spec/orders.md#time
    //# A HIS and a POS MUST measure every timer of this chapter with a clock that counts milliseconds since
    //# the boot of the machine, runs during sleep, is never set, is at most 200 ppm fast or slow, and is the
    //# same for every process of one boot.
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let millis = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(millis)
}

#[cfg(windows)]
fn boot_millis() -> u64 {
    // The tick count cannot fail on any Windows that this program runs on.
    uptime_lib::get().ok().and_then(|up| u64::try_from(up.as_millis()).ok()).unwrap_or(0)
}

#[cfg(target_os = "linux")]
fn system_boot_id() -> Option<[u8; 16]> {
    parse_uuid(&std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?)
}

#[cfg(windows)]
fn system_boot_id() -> Option<[u8; 16]> {
    const PATH: &str =
        r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";
    let boots = windows_registry::LOCAL_MACHINE.open(PATH).ok()?.get_u32("BootId").ok()?;
    let mut id = *b"windows boot....";
    for (place, byte) in id.iter_mut().rev().zip(boots.to_le_bytes()) {
        *place = byte;
    }
    Some(id)
}

#[cfg(not(any(target_os = "linux", windows)))]
fn system_boot_id() -> Option<[u8; 16]> {
    None
}

#[cfg(any(target_os = "linux", test))]
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let hex: String = text.trim().chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&hex, 16).ok()?;
    (hex.len() == 32).then(|| number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::{boot_id, instant, parse_uuid, trusted};
    use hispos::time::UnixSeconds;

    #[test]
    fn a_time_before_2025_counts_as_no_clock() {
        assert_eq!(trusted(0), None);
        assert_eq!(trusted(1_735_689_599), None);
        assert_eq!(trusted(1_735_689_600), Some(UnixSeconds(1_735_689_600)));
    }

    #[test]
    fn the_monotonic_clock_never_steps_back() {
        let (first, second) = (instant(), instant());
        assert!(first <= second);
    }

    //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
    //= type=test
    //# A POS program MUST take as boot 16 bytes that are equal for all programs of one boot of the machine
    //# and differ between two boots, or new random bytes at each start where the system has no such value.
    //= spec-crate/spec/orders.md#time
    //= type=test
    //# A HIS and a POS MUST measure every timer of this chapter with a clock that counts milliseconds since
    //# the boot of the machine, runs during sleep, is never set, is at most 200 ppm fast or slow, and is the
    //# same for every process of one boot.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_monotonic_clock_counts_from_the_boot_of_the_machine_and_through_its_sleep() {
        let up = || {
            let text = std::fs::read_to_string("/proc/uptime").unwrap();
            let (seconds, hundredths) = text.split(' ').next().unwrap().split_once('.').unwrap();
            1_000 * seconds.parse::<u64>().unwrap() + 10 * hundredths.parse::<u64>().unwrap()
        };
        let before = up();
        let now = instant().0;
        assert!(before <= now && now <= up() + 10, "{now} beside {before}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_boot_id_is_the_same_for_every_call_of_one_boot() {
        assert_eq!(boot_id(), boot_id());
    }

    #[test]
    fn a_text_that_is_no_uuid_is_no_boot_id() {
        assert_eq!(parse_uuid("00000000-0000-0000-0000-00000000002a\n").map(|id| id[15]), Some(42));
        assert_eq!(parse_uuid("2a"), None);
        assert_eq!(parse_uuid("not a uuid"), None);
    }
}
