//! What can be typed, and what is printed.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use hispos_sim::driver::{self, Peers};
use hispos_sim::life::{Life, live, live_by, live_with};
use hispos_sim::mutants::Mutant;
use hispos_sim::states::{self, BY_SCRIPT};
use hispos_sim::summary::Summary;
use serde_json::{Map, Value, json};

const EXAMPLES: &str = "\
Examples 示例:
  hispos-sim lives 2000             2,000 lives from 2,000 seeds 两千次生命周期
  hispos-sim replay 1234            one life again, step by step 重放一个种子
  hispos-sim lives 500 --his ./his-driver
                                    this HIS against the reference POS; see clients/driver 用自己的 HIS 运行
  hispos-sim mutants                rules removed one at a time: each has to be caught 逐条去掉规则，必须被发现

Exit codes 退出码: 0 nothing found 无违反 · 1 a property is violated, or a program breaks the interface 发现违反 · 2 usage 用法错误";

/// So many lives have to make every row of the declared tables; at most as many again are lived for what is rare.
const JUDGED_FROM: u64 = 2_000;

/// Both links, both books and the platforms on virtual time. 在虚拟时间中模拟链路、账本与支付平台
#[derive(Debug, Parser)]
#[command(name = "hispos-sim", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Live this many lives. 运行若干次生命周期
    Lives {
        /// How many 次数
        count: u64,
        /// The first seed; the others follow it 起始种子
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// One JSON object 输出 JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        others: Others,
    },
    /// Live one life again and print every step. 重放并打印每一步
    Replay {
        /// Its seed 种子
        seed: u64,
        /// With this rule missing, by its name 去掉的规则
        #[arg(long, conflicts_with_all = ["his", "pos"])]
        mutant: Option<String>,
        /// With every line of the driver interface 打印驱动接口的每一行
        #[arg(long)]
        lines: bool,
        #[command(flatten)]
        others: Others,
    },
    /// Be a program of the driver interface, with the reference links, over standard input and output. 以驱动接口运行参考实现
    Peer {
        /// Which end 哪一端
        #[arg(long, value_parser = ["his", "pos"])]
        role: String,
        /// Who keeps the book: the program, or its driver 账本由谁保存
        #[arg(long, value_parser = ["own", "asked"], default_value = "asked")]
        book: String,
    },
    /// Remove rules one at a time, until a checker finds it. 逐条去掉规则
    Mutants {
        /// Lives that each may take 每条规则最多的次数
        #[arg(long, default_value_t = 1_000)]
        lives: u64,
        /// One JSON object 输出 JSON
        #[arg(long)]
        json: bool,
    },
}

/// Programs of somebody else, spoken to as clients/driver says.
#[derive(Debug, Args)]
struct Others {
    /// The command of the HIS, split at spaces; without it the reference HIS 作为 HIS 的命令
    #[arg(long, value_name = "COMMAND")]
    his: Option<String>,
    /// The command of each POS; without it the reference POS 作为 POS 的命令
    #[arg(long, value_name = "COMMAND")]
    pos: Option<String>,
    /// Seconds in which a program has to answer a line 每行的等待秒数
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    patience: u64,
}

impl Others {
    /// The programs, started; `None`: all is the reference.
    fn start(&self) -> Result<Option<Peers>, String> {
        if self.his.is_none() && self.pos.is_none() {
            return Ok(None);
        }
        let patience = Duration::from_secs(self.patience);
        Peers::start(self.his.as_deref(), self.pos.as_deref(), patience).map(Some)
    }

    /// The options that start them again.
    fn again(&self) -> String {
        let option = |name: &str, command: &Option<String>| {
            command.as_ref().map_or_else(String::new, |command| format!(" --{name} \"{command}\""))
        };
        option("his", &self.his) + &option("pos", &self.pos)
    }
}

/// One life, with programs of somebody else or without.
fn one(seed: u64, peers: &mut Option<Peers>, traced: bool) -> Result<Life, String> {
    match peers {
        Some(peers) => live_with(seed, peers, traced),
        None => live(seed, None, traced).map_err(|error| format!("the simulator is wrong: {error}")),
    }
}

pub(crate) fn run() -> ExitCode {
    let (text, good) = match Cli::parse().command {
        Command::Lives { count, seed, json, others } => lives(seed, count, json, &others),
        Command::Replay { seed, mutant, lines, others } => replay(seed, mutant.as_deref(), lines, &others),
        Command::Peer { role, book } => {
            let served = driver::serve(&role, book == "own", io::stdin().lock(), io::stdout().lock());
            return ExitCode::from(u8::from(served.is_err()));
        }
        Command::Mutants { lives, json } => mutants(lives, json),
    };
    let _ = writeln!(io::stdout().lock(), "{text}");
    ExitCode::from(u8::from(!good))
}

/// Shows how far it is: a bar on a terminal, and elsewhere a line at each tenth, on standard error alone.
fn progress(done: u64, of: u64, what: &str) {
    let mut err = io::stderr().lock();
    if !err.is_terminal() {
        if done.is_multiple_of(of.div_ceil(10).max(1)) {
            let _ = writeln!(err, "{done}/{of} {what}");
        }
        return;
    }
    let filled = usize::try_from(done.saturating_mul(30).checked_div(of).unwrap_or(0)).unwrap_or(0).min(30);
    let bar: String = (0..30).map(|place| if place < filled { '█' } else { '░' }).collect();
    let end = if done >= of { "\r\u{1b}[K" } else { "" };
    let _ = write!(err, "\r{bar} {done}/{of} {what}\u{1b}[K{end}");
}

fn found(life: &Life, others: &Others) -> String {
    let mut text = String::new();
    for violation in &life.violations {
        let at =
            if violation.at == u64::MAX { "at the end".into() } else { format!("at {} ms", violation.at) };
        text += &format!("seed {}: {} {at}: {}\n", life.seed, violation.property, violation.what);
    }
    text + &format!("  again: hispos-sim replay {}{}\n", life.seed, others.again())
}

fn lives(seed: u64, count: u64, as_json: bool, others: &Others) -> (String, bool) {
    let began = Instant::now();
    let mut peers = match others.start() {
        Ok(peers) => peers,
        Err(why) => return failed(&why, as_json),
    };
    let mut sum = Summary::default();
    let mut violations = Vec::new();
    let mut never = Vec::new();
    for nth in 0..count.saturating_mul(2) {
        if nth >= count {
            // What is rare may need some more lives; fewer than the test command's judge no row.
            never = if count < JUDGED_FROM { Vec::new() } else { never_made(&sum) };
            if never.is_empty() {
                break;
            }
        }
        match one(seed.saturating_add(nth), &mut peers, false) {
            Ok(life) => {
                sum.add(&life.summary);
                if !life.violations.is_empty() {
                    violations.push(life);
                }
            }
            Err(error) => return failed(&error, as_json),
        }
        progress(nth.saturating_add(1), count, &format!("lives, {} found", violations.len()));
    }
    if !never.is_empty() {
        never = never_made(&sum);
    }
    let idle = sum.orders == 0 && count > 0;
    let good = violations.is_empty() && never.is_empty() && !idle;
    let names = peers.as_ref().map_or_else(Vec::new, Peers::names);
    if as_json {
        let mut all = lives_json(&sum, &violations, &never);
        if let Some(all) = all.as_object_mut() {
            all.insert("seed".into(), seed.into());
            all.insert("programs".into(), names.into());
        }
        return (all.to_string(), good);
    }
    let mut text: String = names.iter().map(|name| format!("{name}\n")).collect();
    text += &table(&sum, began.elapsed().as_secs_f64());
    violations.iter().take(20).for_each(|life| text += &found(life, others));
    never.iter().for_each(|row| text += &format!("no life makes this row of spec-crate/tables: {row}\n"));
    let verdict = if !violations.is_empty() {
        format!("{} lives violate a property", violations.len())
    } else if idle {
        "no order was made in any life: nothing is shown".into()
    } else if good {
        format!("no property is violated, seeds {seed} to {}", seed.saturating_add(count.saturating_sub(1)))
    } else {
        format!("{} rows of the tables are made by no life", never.len())
    };
    (format!("{text}{verdict}"), good)
}

/// What kept lives from being lived.
fn failed(why: &str, as_json: bool) -> (String, bool) {
    (if as_json { json!({ "error": why }).to_string() } else { why.to_owned() }, false)
}

/// The rows of the declared tables that these lives did not make and no script makes.
fn never_made(sum: &Summary) -> Vec<String> {
    let scripted = BY_SCRIPT.map(|row| row.join(" "));
    let never = states::never_made(&sum.transitions).unwrap_or_else(|error| vec![error]);
    never.into_iter().filter(|row| !scripted.contains(row)).collect()
}

fn table(sum: &Summary, seconds: f64) -> String {
    let mut text = format!(
        "lives {} · orders {} · virtual hours {} · seconds {seconds:.1}\nbatches stored {} · writes to lines {} · \
         requests that move money {} · sessions {} · alarms {} · orphans adopted {}\n",
        sum.lives,
        sum.orders,
        sum.virtual_ms / 3_600_000,
        sum.persists,
        sum.transmits,
        sum.writes,
        sum.sessions,
        sum.alarms,
        sum.adopted
    );
    let mut section = |title: &str, rows: Vec<(String, u64)>| {
        text += &format!("{title}\n");
        rows.iter().for_each(|(name, count)| text += &format!("  {name:<44} {count:>8}\n"));
    };
    let owned = |map: &std::collections::BTreeMap<&'static str, u64>| {
        map.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    section("ends, by state and status", sum.outcomes.clone().into_iter().collect());
    section("states durably entered", sum.states.clone().into_iter().collect());
    section("transitions made", sum.transitions.clone().into_iter().collect());
    section("orders not made", owned(&sum.refusals));
    section("faults", owned(&sum.faults));
    text
}

fn lives_json(sum: &Summary, violations: &[Life], never: &[String]) -> Value {
    let map = |rows: Vec<(String, u64)>| -> Map<String, Value> {
        rows.into_iter().map(|(name, count)| (name, count.into())).collect()
    };
    let list = violations.iter().flat_map(|life| {
        life.violations.iter().map(
            |violation| json!({"seed": life.seed, "property": violation.property, "what": violation.what}),
        )
    });
    json!({
        "lives": sum.lives,
        "orders": sum.orders,
        "virtual_ms": sum.virtual_ms,
        "persists": sum.persists,
        "transmits": sum.transmits,
        "outcomes": map(sum.outcomes.clone().into_iter().collect()),
        "states": map(sum.states.clone().into_iter().collect()),
        "transitions": map(sum.transitions.clone().into_iter().collect()),
        "never_made": never,
        "faults": map(sum.faults.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()),
        "violations": list.collect::<Vec<_>>(),
    })
}

fn replay(seed: u64, mutant: Option<&str>, lines: bool, others: &Others) -> (String, bool) {
    let known = mutant.map(|name| Mutant::ALL.into_iter().find(|mutant| mutant.name() == name));
    if known == Some(None) {
        return (format!("no such mutant: {}", Mutant::ALL.map(Mutant::name).join(" · ")), false);
    }
    let lived = match known.flatten() {
        Some(mutant) => live_by(seed, mutant.plan(seed), Some(mutant), true)
            .map_err(|error| format!("the simulator is wrong: {error}")),
        None => others.start().and_then(|mut peers| {
            peers.iter_mut().filter(|_| lines).for_each(Peers::show_lines);
            one(seed, &mut peers, true)
        }),
    };
    match lived {
        Ok(life) => {
            let good = life.violations.is_empty();
            let end = if good { "no property is violated".into() } else { found(&life, others) };
            (format!("{}\n{end}", life.trace.join("\n")), good)
        }
        Err(error) => (error, false),
    }
}

fn mutants(most: u64, as_json: bool) -> (String, bool) {
    let mut rows = Vec::new();
    let mut good = true;
    for (nth, mutant) in (0_u64..).zip(Mutant::ALL) {
        let caught = hispos_sim::life::caught(mutant, most);
        good &= caught.is_some();
        rows.push((mutant.name(), caught));
        progress(nth.saturating_add(1), Mutant::ALL.len() as u64, mutant.name());
    }
    if as_json {
        let list = rows.iter().map(|(name, caught)| match caught {
            Some((seed, tried, violation)) => {
                json!({"mutant": name, "caught_by": violation.property, "seed": seed, "lives": tried})
            }
            None => json!({"mutant": name, "caught_by": null, "lives": most}),
        });
        return (json!({ "mutants": list.collect::<Vec<_>>() }).to_string(), good);
    }
    let mut text = format!("{:<30} {:<9} {:>6} {:>6}  what\n", "mutant", "caught by", "seed", "lives");
    for (name, caught) in rows {
        text += &match caught {
            Some((seed, tried, violation)) => {
                format!("{name:<30} {:<9} {seed:>6} {tried:>6}  {}\n", violation.property, violation.what)
            }
            None => format!("{name:<30} {:<9} {:>6} {most:>6}\n", "NOT", "-"),
        };
    }
    (text + if good { "every mutant is caught" } else { "a mutant is not caught" }, good)
}
