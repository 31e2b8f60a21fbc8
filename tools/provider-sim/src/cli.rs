//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use hispos_provider_sim::model::{Channel, Merchant};

const EXAMPLES: &str = "\
A run 一次完整的演示:
  provider-sim init --dir bank --merchant wechat:1900000001 --merchant alipay:2021000001:2088000001
  provider-sim serve --dir bank            # prints its address 打印监听地址; a terminal wants it, and
                                           # bank/credentials.json: serve --help 见此
  provider-sim wait --dir bank --number SIM001B0W --state captured --timeout 30
  provider-sim export --dir bank           # the book 账本

Each payment code is taken once 每个付款码只能用一次. Its last two digits choose the story 末两位决定情景:
  00 paid 成功 · 01 password, then paid 输密码后成功 · 02 password never typed 一直不输密码
  03 not enough money 余额不足 · 04 code too old 码过期 · 05 error but paid 报错但已扣款
  06 error, not paid 报错未扣款 · 07 answer lost, paid 应答丢失已扣款 · 08 request lost 请求丢失
  09 risk 风控 · 10 gateway 503 网关错误 · 11 wrong signature 验签失败 · 12 wrong total 金额被改
  13 paid during the reverse 撤销时付款成功 · 14 reverse busy twice 撤销两次被拒
  15 reverse asks again 3x 撤销三次要求重试 · 16 reverse without effect 撤销成功但无效
  17 seen after 8 s 八秒后才查到 · 18 refund in process 30 s 退款处理中 · 19 refund abnormal 退款异常
  20 merchant has no money 商户余额不足 · any other 其他: paid 成功 · totals of 1, 2, 3 fen: always paid 必成功

Exit codes 退出码: 0 done 完成 · 2 usage 用法错误 · 3 refused 被拒绝 · 5 not reachable 无法访问";

const SERVE_EXAMPLES: &str = "\
A terminal finds it by two things 终端凭两项连接本平台:
  its credentials 凭证   DIR/credentials.json, made by `init` (or where `init --credentials` said)
  its address 地址       `url` of the line that is printed; the same without http:// in DIR/address

  provider-sim serve --dir bank --listen 127.0.0.1:7100
  hispos-pos serve --listen 127.0.0.1:7000 --scanner stdin \\
      --credentials bank/credentials.json --platform http://127.0.0.1:7100

There is no other credential: each `init` draws fresh secrets, for the merchants that it names,
which have to be those of the link agreement. `provider-sim --help` lists the payment codes and what
each makes happen.
每次 init 生成新密钥，没有固定的测试凭证；商户须与对接协议一致。付款码与情景见 provider-sim --help。";

/// The simulated payment platform: takes no real money. 模拟支付平台，不发生真实交易。
#[derive(Debug, Parser)]
#[command(name = "provider-sim", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a platform: its book, its merchants and their secrets. 新建平台：账本、商户与密钥
    Init(Init),
    /// Answer payments on a loopback address until killed. 在本机地址提供服务
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Show the book: every order and refund by number. 导出账本：按单号列出订单与退款
    Export(Export),
    /// Show one number. 查看一个单号
    Order(Order),
    /// Wait until the book shows a number in a state. 等待某单号到达某状态
    Wait(Wait),
}

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The platform's directory 平台目录
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A merchant, once or more often: channel, account, account below it 商户，可重复
    #[arg(long = "merchant", value_name = "wechat|alipay:ACCOUNT[:SUB]", required = true, value_parser = merchant)]
    pub(crate) merchants: Vec<Merchant>,
    /// Where the credentials for a terminal go; DIR/credentials.json if not said. 商户凭证文件位置
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
    /// The platform's address, to be written into the credentials 写入凭证的平台地址
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) place: Place,
    /// A loopback address; port 0 takes a free one. It is printed and written to DIR/address. 监听的本机地址
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = loopback)]
    pub(crate) listen: SocketAddr,
    /// Chooses the delays of effects that come later 延迟效果的随机种子
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Length of a story's second: 0.1 makes 30 s into 3 s; expiry times and dates stay real. 情景时间缩放
    #[arg(long, value_name = "F", default_value = "1", value_parser = permille)]
    pub(crate) scale: i64,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) place: Place,
    /// One JSON document in place of a table 输出 JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Order {
    /// The merchant's number of the order 商户单号
    pub(crate) number: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// One JSON document in place of a table 输出 JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The merchant's number of the order 商户单号
    #[arg(long, value_name = "NUMBER")]
    pub(crate) number: String,
    /// What to wait for 等待的状态
    #[arg(long, value_enum, default_value = "captured")]
    pub(crate) state: Awaited,
    /// Seconds to wait at most 最长等待秒数
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) timeout: u64,
}

/// What `wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Awaited {
    /// The book has the number, in whatever state 已有此单
    Known,
    /// Money was taken, also if it was given back later 已收款（含之后退回）
    Captured,
    /// All that was taken was given back, by refunds or by a reverse 已全部退回
    Returned,
    /// Closed without money 未收款已关闭
    Closed,
}

fn merchant(text: &str) -> Result<Merchant, String> {
    let mut parts = text.split(':');
    let channel = parts.next().and_then(Channel::from_name).ok_or("begin with wechat: or alipay:")?;
    let account = parts.next().unwrap_or_default().to_owned();
    let sub_account = parts.next().unwrap_or_default().to_owned();
    let good = |name: &str| {
        name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if account.is_empty() || !good(&account) || !good(&sub_account) || parts.next().is_some() {
        return Err("accounts have 1 to 32 of 0-9 A-Z a-z _ - / 账号为 1 至 32 位字母数字".to_owned());
    }
    Ok(Merchant { channel, account, sub_account })
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "an address is like 127.0.0.1:0")?;
    if !address.ip().is_loopback() {
        return Err("a simulated platform is served on this machine only / 仅限本机地址".to_owned());
    }
    Ok(address)
}

fn permille(text: &str) -> Result<i64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.001..=100.0).contains(&factor) => Ok((factor * 1000.0).round() as i64),
        _ => Err("a factor from 0.001 to 100 / 0.001 到 100".to_owned()),
    }
}
