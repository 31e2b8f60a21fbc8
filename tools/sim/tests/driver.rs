//! Programs of somebody else as HIS and POS, through the lines of `clients/driver`.

use std::path::PathBuf;
use std::time::Duration;

use hispos_sim::driver::Peers;
use hispos_sim::history::Violation;
use hispos_sim::life::live_with;

const SIM: &str = env!("CARGO_BIN_EXE_hispos-sim");

fn peers(his: Option<&str>, pos: Option<&str>, patience: u64) -> Result<Peers, String> {
    Peers::start(his, pos, Duration::from_secs(patience))
}

/// So many lives of these programs: what their checkers found, and their digests.
fn lives(peers: &mut Peers, seeds: std::ops::Range<u64>) -> Result<Vec<(u64, Vec<Violation>, u64)>, String> {
    let life = |seed| live_with(seed, peers, false).map(|life| (seed, life.violations, life.digest));
    seeds.map(life).collect()
}

#[test]
fn the_reference_links_live_the_same_lives_behind_the_interface() {
    let seeds = 2_000_000..2_000_025;
    let inside = lives(&mut Peers::none(), seeds.clone()).unwrap();
    assert!(inside.iter().all(|(_, violations, _)| violations.is_empty()), "{inside:?}");
    let (his, pos) = (format!("{SIM} peer --role his"), format!("{SIM} peer --role pos"));
    for (his, pos) in [(Some(&*his), None), (None, Some(&*pos)), (Some(&*his), Some(&*pos))] {
        let mut peers = peers(his, pos, 20).unwrap();
        assert_eq!(lives(&mut peers, seeds.clone()).unwrap(), inside, "{his:?} {pos:?}");
    }
}

#[test]
fn programs_with_books_of_their_own_violate_nothing_and_live_the_same_lives_again() {
    let seeds = 2_100_000..2_100_025;
    let (his, pos) =
        (format!("{SIM} peer --role his --book own"), format!("{SIM} peer --role pos --book own"));
    let mut both = peers(Some(&his), Some(&pos), 20).unwrap();
    let first = lives(&mut both, seeds.clone()).unwrap();
    assert!(first.iter().all(|(_, violations, _)| violations.is_empty()), "{first:?}");
    assert_eq!(lives(&mut both, seeds).unwrap(), first);
}

/// A program in shell that answers its so-manieth line by `breaks`, and until then as the reference POS.
fn broken(name: &str, line: u64, breaks: &str) -> std::io::Result<String> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.sh"));
    let script = format!(
        "coproc peer {{ exec {SIM} peer --role pos --book own; }}\n\
         n=0\n\
         while IFS= read -r line; do\n\
         n=$((n + 1))\n\
         if [ $n -eq {line} ]; then {breaks}; fi\n\
         printf '%s\\n' \"$line\" >&\"${{peer[1]}}\"\n\
         IFS= read -r answer <&\"${{peer[0]}}\"\n\
         printf '%s\\n' \"$answer\"\n\
         done\n"
    );
    std::fs::write(&path, script)?;
    Ok(format!("bash {}", path.display()))
}

/// What is told of a program that breaks so: nothing if it is not noticed.
fn fault(name: &str, line: u64, breaks: &str) -> String {
    let program = broken(name, line, breaks).map_err(|error| error.to_string());
    let lived = program.and_then(|program| peers(None, Some(&program), 2));
    lived.and_then(|mut peers| live_with(5, &mut peers, false)).err().unwrap_or_default()
}

#[test]
fn what_a_program_does_against_the_interface_is_named_with_seed_step_and_line() {
    let cases = [
        ("dies", 4, "echo 'out of memory' >&2; kill \"$peer_PID\"; exit 3", "died"),
        ("hangs", 4, "exec sleep 30", "did not answer within 2 s"),
        ("babbles", 4, "echo hello; continue", "no JSON"),
        ("is_late", 4, "echo '{\"n\":3}'; continue", "answered line 3, out of turn"),
        ("speaks_twice", 4, "echo '{\"n\":4}'; echo '{\"n\":4}'; continue", "out of turn"),
        ("gives_up", 4, "echo '{\"n\":4,\"error\":\"no disk\"}'; continue", "cannot go on: no disk"),
        ("is_unknown", 4, "echo '{\"n\":4,\"out\":[{\"is\":\"sing\"}]}'; continue", "sing is no output"),
        (
            "tells_early",
            4,
            "echo '{\"n\":4,\"out\":[{\"is\":\"persist\",\"id\":9,\"records\":[]},{\"is\":\"transmit\",\"bytes\":\"00\"}]}'; continue",
            "behind a persist that is not acknowledged",
        ),
        (
            "stores_nonsense",
            4,
            "echo '{\"n\":4,\"out\":[{\"is\":\"persist\",\"id\":9,\"records\":[{\"seq\":2,\"head\":\"00\",\"record\":\"ff\"}]}]}'; continue",
            "not canonical",
        ),
        (
            "stores_nothing",
            4,
            "echo '{\"n\":4,\"out\":[{\"is\":\"persist\",\"id\":9,\"records\":[]}]}'; continue",
            "makes no record durable",
        ),
        (
            "is_shouting",
            4,
            "echo '{\"n\":4,\"out\":[{\"is\":\"transmit\",\"bytes\":\"0A\"}]}'; continue",
            "lower-case",
        ),
    ];
    for (name, line, breaks, why) in cases {
        let told = fault(name, line, breaks);
        assert!(told.contains(why), "{name}: {told}");
        for part in ["seed 5, at ", "line ", "the POS at desk"] {
            assert!(told.contains(part), "{name}: {told}");
        }
    }
    assert!(fault("dies_loudly", 4, "echo 'out of memory' >&2; exit 3").contains("| out of memory"));
}

#[test]
fn a_program_of_another_version_or_role_or_none_at_all_is_refused_at_once() {
    let version =
        "echo '{\"n\":1,\"driver\":2,\"name\":\"x\",\"role\":\"pos\",\"book\":\"own\",\"can\":[]}'; continue";
    let told = fault("new", 1, version);
    assert!(
        told.contains("line 1 (hello)") && told.contains("version 2") && told.contains("version 1"),
        "{told}"
    );
    let his = peers(None, Some(&format!("{SIM} peer --role his")), 5).map(|_| ()).unwrap_err();
    assert!(his.contains("this is a his and no pos"), "{his}");
    let none = peers(Some("/nowhere/at-all"), None, 5).map(|_| ()).unwrap_err();
    assert!(none.contains("does not start"), "{none}");
}
