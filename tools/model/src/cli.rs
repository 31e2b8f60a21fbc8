//! What can be typed, and what is printed.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use hispos_model::life::live;
use hispos_model::mutants;
use hispos_model::scope::Scope;
use hispos_model::space::Space;
use hispos_sim::mutants::Mutant;
use serde_json::json;
use stateright::report::{ReportData, ReportDiscovery, Reporter};
use stateright::{Checker, Model};

const EXAMPLES: &str = "\
Examples 示例:
  hispos-model explore                  every life with at most one fault 至多一次故障的全部情形
  hispos-model explore --faults 2       with two 至多两次故障
  hispos-model mutants                  rules removed one at a time: each has a counterexample 逐条去掉规则
  hispos-model replay 0 3 1             one life again, step by step 按选择重放

Exit codes 退出码: 0 nothing found 无违反 · 1 a property is violated 发现违反 · 2 usage 用法错误";

/// The real order flow, explored exhaustively. 穷举真实的订单流程
#[derive(Debug, Parser)]
#[command(name = "hispos-model", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take every choice within the budgets. 在限额内穷举所有选择
    Explore {
        /// How many faults a life may have 每次生命周期的故障数
        #[arg(long, default_value_t = 1)]
        faults: u8,
        /// No state deeper than this; 0: all of them 最大深度
        #[arg(long, default_value_t = 0)]
        depth: usize,
        /// Threads 线程数
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// One JSON object 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove rules one at a time, until a property is violated. 逐条去掉规则
    Mutants {
        /// Only this one, by its name 只运行一条
        #[arg(long)]
        only: Option<String>,
        /// One JSON object 输出 JSON
        #[arg(long)]
        json: bool,
    },
    /// Live one life again and print every step. 重放并打印每一步
    Replay {
        /// Its choices; what follows is as usual 各次选择
        choices: Vec<u8>,
        /// How many faults it may have 故障数
        #[arg(long, default_value_t = 1)]
        faults: u8,
        /// In the space of this mutant, with the rule missing 去掉的规则
        #[arg(long)]
        mutant: Option<String>,
    },
}

pub(crate) fn run() -> ExitCode {
    let (text, good) = match Cli::parse().command {
        Command::Explore { faults, depth, threads, json } => explore(faults, depth, threads, json),
        Command::Mutants { only, json } => all_mutants(only.as_deref(), json),
        Command::Replay { choices, faults, mutant } => replay(&choices, faults, mutant.as_deref()),
    };
    let _ = writeln!(io::stdout().lock(), "{text}");
    ExitCode::from(u8::from(!good))
}

struct Progress(Instant);

impl<M: Model> Reporter<M> for Progress {
    fn report_checking(&mut self, data: ReportData) {
        let end = if data.done { "\n" } else { "" };
        let seconds = self.0.elapsed().as_secs();
        let _ = write!(
            io::stderr().lock(),
            "\r{} states, {} to be looked at once more, depth {}, {seconds} s\u{1b}[K{end}",
            data.unique_states,
            data.total_states.saturating_sub(data.unique_states),
            data.max_depth
        );
    }

    fn report_discoveries(&mut self, _: &M, _: std::collections::BTreeMap<&'static str, ReportDiscovery<M>>)
    where
        M::Action: std::fmt::Debug + PartialEq,
        M::State: std::fmt::Debug + std::hash::Hash + PartialEq,
    {
    }

    fn delay(&self) -> Duration {
        Duration::from_secs(1)
    }
}

fn explore(faults: u8, depth: usize, threads: usize, as_json: bool) -> (String, bool) {
    let began = Instant::now();
    let mut builder = Space::new(Scope { faults, ..Scope::default() }).checker().threads(threads);
    if depth > 0 {
        builder = builder.target_max_depth(depth);
    }
    let checker = builder.spawn_dfs().report(&mut Progress(began));
    let seconds = began.elapsed().as_secs_f64();
    let (states, moves, lives) =
        (checker.unique_state_count(), checker.state_count(), checker.model().lived());
    let found = checker.discoveries();
    if as_json {
        let list = found
            .iter()
            .map(|(property, path)| json!({"property": property, "choices": path.last_state().choices()}));
        let list: Vec<_> = list.collect();
        let text = json!({
            "faults": faults, "states": states, "transitions": moves, "lives": lives, "depth": checker.max_depth(),
            "seconds": seconds, "violations": list,
        });
        return (text.to_string(), found.is_empty());
    }
    let mut text = format!(
        "faults {faults} · states {states} · transitions {moves} · lives lived {lives} · depth {} · seconds {seconds:.1}\n",
        checker.max_depth()
    );
    for property in checker.model().properties() {
        let verdict = match found.get(property.name) {
            Some(path) => {
                let choices: Vec<String> = path.last_state().choices().iter().map(u8::to_string).collect();
                format!("VIOLATED, again: hispos-model replay --faults {faults} {}", choices.join(" "))
            }
            None => "holds".into(),
        };
        text += &format!("  {:<88} {verdict}\n", property.name);
    }
    (text.trim_end().into(), found.is_empty())
}

fn named(name: &str) -> Option<Mutant> {
    mutants::all().into_iter().find(|mutant| mutant.name() == name)
}

fn all_mutants(only: Option<&str>, as_json: bool) -> (String, bool) {
    let wanted = mutants::all().into_iter().filter(|mutant| only.is_none_or(|only| mutant.name() == only));
    let rows: Vec<_> = wanted
        .map(|mutant| {
            let _ = write!(io::stderr().lock(), "\r{}\u{1b}[K", mutant.name());
            (mutant.name(), mutants::caught(mutant))
        })
        .collect();
    let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
    let good = !rows.is_empty() && rows.iter().all(|(_, caught)| caught.is_some());
    if as_json {
        let list = rows.iter().map(|(name, caught)| match caught {
            Some(caught) => json!({
                "mutant": name, "property": caught.property, "states": caught.states, "choices": caught.choices,
                "what": caught.what,
            }),
            None => json!({"mutant": name, "property": null}),
        });
        return (json!({ "mutants": list.collect::<Vec<_>>() }).to_string(), good);
    }
    let mut text = format!("{:<48} {:<9} {:>7}  what\n", "mutant", "breaks", "states");
    for (name, caught) in &rows {
        text += &match caught {
            Some(caught) => {
                format!("{name:<48} {:<9} {:>7}  {}\n", caught.property, caught.states, caught.what)
            }
            None => format!("{name:<48} NOT FOUND\n"),
        };
    }
    let count = rows.iter().filter(|(_, caught)| caught.is_some()).count();
    (text + &format!("{count} of {} have a counterexample", rows.len()), good)
}

fn replay(choices: &[u8], faults: u8, mutant: Option<&str>) -> (String, bool) {
    let scope = match mutant {
        None => Scope { faults, ..Scope::default() },
        Some(name) => match named(name) {
            Some(mutant) => mutants::scope(mutant),
            None => return (format!("no such mutant: {name}"), false),
        },
    };
    let life = match live(&scope, choices, true).map(Arc::new) {
        Ok(life) => life,
        Err(error) => return (format!("the simulator is wrong: {error}"), false),
    };
    let mut text = life.trace.join("\n");
    for choice in life.choices.iter().filter(|choice| choice.taken > 0) {
        text += &format!("\nchoice  {:?}: {} of {}", choice.kind, choice.taken, choice.of);
    }
    for violation in &life.violations {
        text += &format!("\n{} at {} ms: {}", violation.property, violation.at, violation.what);
    }
    for unrest in &life.unrest {
        text += &format!("\nnot at rest: {unrest}");
    }
    text += &format!("\n{} states, {} choices", life.steps.len(), life.choices.len());
    (text, life.violations.is_empty() && life.unrest.is_empty())
}
