//! The main job: a first payment over the wire, told step by step.
//!
//! Drives three real programs through their own commands: HIS and POS, joined by a throttled line, and the payment
//! platform, whose book is the truth. At the end the three books are exported and compared by a program that shares no
//! code with them. Nothing in the programs exists for this one; the agreement that it makes is a simulated site's,
//! whose timers may be short.

mod ends;
mod foreign;
mod line;
mod members;
mod pair;
mod pairs;
mod programs;
mod provision;
mod seed;
mod station;
mod story;
mod tell;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use serde_json::{Value, json};

use programs::{BECOME, Binaries, COMMAND_WITHIN, run};
use provision::{Commands, Places};
use tell::{Tell, Told};
use world::World;

/// Builds and runs HIS, POS and a simulated payment platform, plays payments and accidents, and compares the books.
#[derive(Debug, Parser)]
#[command(
    name = "demo",
    version,
    after_help = "Exit codes: 0 the three books agree · 1 they do not, or a scene failed"
)]
struct Arguments {
    /// Moves the moments at which things happen; drawn if left out.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Leaves everything in this new directory: homes, books, exports, logs.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// One JSON object at the end; the story goes to standard error.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    what: Option<What>,
}

/// What else than the story.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Pays by every HIS at every POS of the table: collects, a refund, a cancel, a pulled cable, kills, a look-up.
    Pairs(pairs::Wanted),
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == BECOME) {
        let rest: Vec<_> = words.collect();
        eprintln!("{}", programs::become_program(&rest));
        return ExitCode::FAILURE;
    }
    let arguments = Arguments::parse();
    let outcome = match &arguments.what {
        Some(What::Pairs(wanted)) => pairs::run(wanted, arguments.json),
        None => demo(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("\nthe demo failed: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Plays everything in a directory; one of its own is kept if a scene fails.
fn demo(arguments: &Arguments) -> Told<bool> {
    let seed = arguments.seed.unwrap_or_else(seed::Chance::any_seed);
    let tell = Tell::new(arguments.json);
    tell.say(&format!("hispos demo 演示, seed {seed}. Simulated: no money moves. 模拟，不发生真实交易"));
    tell.say("\n[0] Build: some minutes at the first time 编译");
    let binaries = Binaries::build()?;
    let began = Instant::now();
    let own = match &arguments.keep {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| format!("no directory: {error}"))?),
    };
    let root = match (&arguments.keep, &own) {
        (Some(keep), _) => std::fs::create_dir(keep).and_then(|()| keep.canonicalize()),
        (None, Some(own)) => Ok(own.path().to_owned()),
        (None, None) => Err(std::io::ErrorKind::NotFound.into()),
    };
    let root = root.map_err(|error| format!("the directory: {error}"))?;
    match play(&binaries, &root, seed, tell) {
        Ok((agree, mut summary)) => {
            if let Some(members) = summary.as_object_mut() {
                members.insert("seed".into(), seed.into());
                members.insert("seconds".into(), began.elapsed().as_secs().into());
            }
            if arguments.json {
                println!("{summary}");
            } else {
                println!("\nseed {seed}, {} s", began.elapsed().as_secs());
            }
            Ok(agree)
        }
        Err(why) => {
            let kept = own.map_or(root, tempfile::TempDir::keep);
            Err(format!("{why}\nseed {seed}; everything is in {}", kept.display()))
        }
    }
}

fn play(binaries: &Binaries, root: &Path, seed: u64, tell: Tell) -> Told<(bool, Value)> {
    let places = Places::in_directory(root);
    std::fs::create_dir(places.path("log")).map_err(|error| format!("log: {error}"))?;
    let commands = Commands { binaries, places: &places };
    commands.make_platform()?;
    tell.step(1, "Both companies sign a link agreement 双方签署对接协议");
    let (his, pos) = commands.agree()?;
    tell.note(&format!("hospital {his}"));
    tell.note(&format!("POS company {pos}: fingerprints compared by telephone"));
    tell.step(2, "HIS imports the device set, the POS the terminal identifiers 互导设备与终端标识");
    commands.register(&places.path("his.line"))?;
    tell.note(&format!(
        "{} for HIS; {}, {} for the POS",
        provision::DEVICE,
        provision::WINDOW,
        provision::OTHER_WINDOW
    ));
    tell.say("\nThree programs start 启动三个进程");
    let mut world = World::start(binaries, &places, seed, tell)?;
    world.story()?;
    world.tell.say("\nThe three books 三本账");
    world.settle()?;
    let (agree, compared) = books(&world, binaries, &places)?;
    let summary = json!({"agree": agree, "scenes": world.tell.scenes(), "books": compared});
    world.stop()?;
    Ok((agree, summary))
}

/// Has each program export its book, and compares them.
fn books(world: &World<'_>, binaries: &Binaries, places: &Places) -> Told<(bool, Value)> {
    let (ledger, journal) = (places.text("ledger.jsonl"), places.text("journal.jsonl"));
    let platform = places.text("platform.json");
    world.commands.his(&["ledger", "export", "--out", &ledger])?.expect(0, "hispos-his ledger export")?;
    world
        .commands
        .pos(&["journal", "export", "--out", &journal], "")?
        .expect(0, "hispos-pos journal export")?;
    std::fs::write(&platform, world.platform_export()?).map_err(|error| format!("{platform}: {error}"))?;
    let files = ["--ledger", ledger.as_str(), "--journal", &journal, "--platform", &platform];
    let table = run(&binaries.compare, &files, "", COMMAND_WITHIN)?;
    world.tell.say(table.text.trim_end());
    let object = run(&binaries.compare, &[&files[..], &["--json"]].concat(), "", COMMAND_WITHIN)?;
    let compared = object.lines.last().cloned().unwrap_or_default();
    Ok((table.code == 0, compared))
}
