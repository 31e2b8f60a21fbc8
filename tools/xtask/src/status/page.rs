//! The page of the clients, in both languages.

use super::{Client, Facts, Word, members, wanted};
use std::fmt::Write as _;

/// The texts of an edition.
pub(crate) struct Edition {
    head: &'static str,
    columns: [&'static str; 8],
    proved: &'static str,
    experimental: &'static str,
    table: &'static str,
    foot: &'static str,
}

/// `clients/README.md`.
pub(crate) const ENGLISH: Edition = Edition {
    head: "# The vendor clients\n\n\
        Written by `cargo xtask status` from `status.json`; do not edit it. [中文版](README.zh.md)\n\n\
        A row is full when the client is made in an empty folder without a difference to what is committed here, is built\n\
        by the language's ordinary tool, formatted and linted without a word, replays every vector, makes a first payment in\n\
        each role by the commands of its own README, and passes every cell below. A language without a full row is\n\
        experimental; there is nothing in between.\n\n## Languages",
    columns: [
        "language",
        "status",
        "clean",
        "vectors",
        "unimplemented",
        "cells as HIS, as POS",
        "first payment as HIS",
        "as POS",
    ],
    proved: "proved",
    experimental: "experimental",
    table: "## Each HIS at each POS\n\n\
        A row is a HIS, a column a POS. Each cell is a run of real processes: a collect, a refund, a collect over a pulled\n\
        cable, SIGKILL of the POS and of the HIS while the patient pays, a cancel, SIGKILL of the POS before a code is shown,\n\
        and the look-up of what a killed HIS left open. Then the books of HIS, POS and platform are compared by a program that\n\
        shares no code with them. `tcp` is a TCP line, `serial` a pseudo-terminal.\n",
    foot: "`cargo xtask clients --write` makes the run, of which what crossed each line stays in `target/clients/captures`,\n\
        and writes this page; with all languages it takes half an hour, and `--lang L`\n\
        plays again what one language takes part in. Seconds are those of one machine at that run, from an\n\
        empty folder, build and tests included.\n\n\
        `status.json` holds a digest of each client's files. A client that was changed since is experimental here, and\n\
        `cargo xtask test` fails until the page says so (`cargo xtask status`, a second) or the client is proved again.\n",
};

/// `clients/README.zh.md`.
pub(crate) const CHINESE: Edition = Edition {
    head: "# 厂商客户端\n\n\
        本页由 `cargo xtask status` 根据 `status.json` 生成，请勿手改。[English](README.md)\n\n\
        一行完整，是指客户端在空文件夹中生成且与此处提交的内容没有差异，用该语言的常用工具构建，格式与静态检查无任何提示，重放全部测试向量，\n\
        按其自身 README 的命令以两种角色各完成首笔支付，并通过下表的每一格。没有完整一行的语言一律为试验性，没有中间状态。\n\n## 语言",
    columns: [
        "语言",
        "状态",
        "干净",
        "向量",
        "未实现",
        "作为 HIS、作为 POS 的格",
        "作为 HIS 首笔支付",
        "作为 POS",
    ],
    proved: "已验证",
    experimental: "试验性",
    table: "## 每个 HIS 对每个 POS\n\n\
        行是 HIS，列是 POS。每一格都由真实进程运行：一笔收款、一笔退款、一笔拔掉线缆时的收款、患者支付时以 SIGKILL 分别杀死 POS 和 HIS、\n\
        一次取消、出示付款码之前以 SIGKILL 杀死 POS，以及对被杀死的 HIS 留下的订单的查找。然后由不与它们共用代码的程序比较 HIS、POS 和平台\n\
        三本账。`tcp` 是 TCP 线路，`serial` 是伪终端。\n",
    foot: "`cargo xtask clients --write` 执行整轮验证并写出本页，各线路上的原始字节保存在 `target/clients/captures`；全部语言约需半小时，加 `--lang L` 则只重跑一种语言\n\
        所参与的部分。秒数\n\
        来自该轮所在的一台机器，从空文件夹算起，含构建与测试。\n\n\
        `status.json` 保存每个客户端文件的摘要。此后改动过的客户端在本页为试验性；在本页如实写明（`cargo xtask status`，一秒）或重新验证\n\
        该客户端之前，`cargo xtask test` 不通过。\n",
};

impl Edition {
    /// The page.
    pub(crate) fn page(&self, facts: &Facts) -> String {
        let mut page = format!("{}\n\n| {} |\n|", self.head, self.columns.join(" | "));
        page += &"---|".repeat(self.columns.len());
        page.push('\n');
        for (name, client) in &facts.clients {
            let _ = writeln!(page, "{}", self.row(facts, name, client));
        }
        let members = members(facts);
        let _ = write!(
            page,
            "\n{}\n| HIS \\ POS | {} |\n{}\n",
            self.table,
            members.join(" | "),
            "|---".repeat(members.len() + 1) + "|"
        );
        for his in &members {
            let cells: Vec<String> = members.iter().map(|pos| cell(facts, his, pos)).collect();
            let _ = writeln!(page, "| {his} | {} |", cells.join(" | "));
        }
        let _ = write!(page, "\n{}", self.foot);
        page
    }

    fn row(&self, facts: &Facts, name: &str, client: &Client) -> String {
        let word = if client.status == Word::Proved { self.proved } else { self.experimental };
        let seconds = |index: usize| {
            client.first_payment_s.get(index).map_or_else(|| "✗".to_owned(), |seconds| format!("{seconds} s"))
        };
        let of = |takes: &dyn Fn(&super::Cell) -> bool| {
            let wanted: Vec<_> = wanted(facts).into_iter().filter(takes).collect();
            let passed = wanted.iter().filter(|cell| facts.cells.contains(cell)).count();
            format!("{passed}/{}", wanted.len())
        };
        let columns = [
            name.to_owned(),
            word.to_owned(),
            if client.clean { "✓" } else { "✗" }.to_owned(),
            client.replayed.to_string(),
            client.unimplemented.to_string(),
            format!("{}, {}", of(&|cell| cell.his == name), of(&|cell| cell.pos == name)),
            seconds(0),
            seconds((client.first_payment_s.len() / 2).max(1)),
        ];
        format!("| {} |", columns.join(" | "))
    }
}

/// How each kind of line went between two.
fn cell(facts: &Facts, his: &str, pos: &str) -> String {
    let wanted = wanted(facts).into_iter().filter(|cell| cell.his == his && cell.pos == pos);
    let said: Vec<String> = wanted
        .map(|cell| format!("{} {}", cell.line, if facts.cells.contains(&cell) { "✓" } else { "✗" }))
        .collect();
    said.join(", ")
}
