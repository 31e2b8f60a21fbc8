//! The scenes: steps 3 to 6 of the mission as a cashier and a patient live them, and what may go wrong between.

use serde_json::Value;

use crate::foreign;
use crate::line::Crossed;
use crate::provision::{OTHER_WINDOW, WINDOW};
use crate::seed::Channel;
use crate::tell::Told;
use crate::world::{Step, WITHIN, World};

/// The catalogue's code of an order that names another terminal.
const WRONG_TERMINAL: u32 = 502;
/// The national insurance code: 28 digits from 424.
const INSURANCE_CODE: &str = "4240123456789012345678901234";

impl World<'_> {
    /// All scenes, one after the other.
    pub(crate) fn story(&mut self) -> Told<()> {
        let paid = self.first_payment()?;
        self.scene("Alipay pays +8.00 支付宝", |world| world.second_payment())?;
        self.scene("-5.00 of the first go back 退款", |world| world.refund(&paid))?;
        self.scene(
            "the WeChat purse is empty, Alipay pays the same bill 余额不足，换支付宝",
            |world| world.empty_purse(),
        )?;
        self.scene("the cashier stops before the scan 扫码前取消", |world| world.stopped())?;
        self.scene("an insurance code is shown 出示医保码", |world| world.insurance())?;
        self.scene("the line is pulled when the platform has the money 已扣款时拔线", |world| {
            world.pulled_line()
        })?;
        self.scene("the POS is killed in the middle of a payment 支付中强杀POS进程", |world| {
            world.killed_pos()
        })?;
        self.scene("an order names a foreign terminal 他人的终端标识", |world| {
            world.foreign_terminal()
        })
    }

    fn scene<T>(&mut self, title: &str, play: impl FnOnce(&mut Self) -> Told<T>) -> Told<T> {
        self.tell.say(&format!("\n  * {title}"));
        let before = self.cable.crossed();
        let told = play(self).map_err(|why| format!("{title}: {why}"))?;
        let crossed = self.cable.crossed().since(before);
        self.tell.cost(title, crossed);
        Ok(told)
    }

    /// One payment, step by step. Gives the order.
    fn first_payment(&mut self) -> Told<String> {
        let start = self.cable.crossed();
        let mut collection = self.collect("B-1001", "+12.34")?;
        self.tell.step(3, "HIS sends the order: amount with sign, software terminal identifier 发送订单");
        let order = collection.order()?;
        self.tell.note(&format!("key exchange and order {order}, +12.34, from {WINDOW}"));
        let start = self.costs("first session and order", start);

        self.tell.step(4, "The POS checks the identifier, asks for a code, pays 扫码支付");
        std::thread::sleep(self.chance.between(0, 800));
        self.pay_with(Channel::Wechat, 0)?;
        let ended = self.pos_event("ended", &order)?;
        self.tell.note(&format!("WeChat took +12.34, payment {}", text(&ended, "payment_no")));
        let start = self.costs("payment", start);

        self.tell.step(5, "The POS answers: signed result with its device id 返回结果");
        self.tell.step(6, "HIS checks the device id and signature, books it, confirms 核对入账");
        let end = collection.end()?;
        expect_end(&end, "paid")?;
        self.pos_event("answered", &order)?;
        self.tell.note(&text(&end, "text_en"));
        self.costs("result and confirmation", start);
        Ok(order)
    }

    /// Tells what crossed since, and gives the new mark.
    fn costs(&mut self, what: &str, since: Crossed) -> Crossed {
        let now = self.cable.crossed();
        self.tell.cost(what, now.since(since));
        now
    }

    fn second_payment(&mut self) -> Told<()> {
        let collection = self.collect("B-1002", "+8.00")?;
        let end = self.pay_to_the_end(collection, Channel::Alipay)?;
        expect_end(&end, "paid")?;
        self.tell.note(&format!("order {}, payment {}", text(&end, "order_no"), text(&end, "payment_no")));
        Ok(())
    }

    fn refund(&mut self, paid: &str) -> Told<()> {
        let arguments = [
            "refund",
            paid,
            "-5.00",
            "--operator",
            "cashier-1",
            "--approver",
            "head-1",
            "--reason",
            "one item was not used",
            "--window",
            WINDOW,
        ];
        let end = self.commands.his(&arguments)?.expect(0, "hispos-his refund")?;
        self.tell.note(&format!("order {}, refund {}", end.text_of("order_no"), end.text_of("refund_id")));
        Ok(())
    }

    /// Two orders for one bill; HIS makes the second by itself.
    fn empty_purse(&mut self) -> Told<()> {
        let mut collection = self.collect("B-1003", "+6.00")?;
        let first = collection.order()?;
        self.pay_with(Channel::Wechat, 3)?;
        let second = collection.order()?;
        self.tell.note(&format!("order {first}: refused by the payer's purse, closed at the platform"));
        self.pay_with(Channel::Alipay, 0)?;
        let end = collection.end()?;
        expect_end(&end, "paid")?;
        let orders = end.get("orders").and_then(Value::as_array).map_or(0, Vec::len);
        if orders != 2 || text(&end, "order_no") != second {
            return Err(format!("{orders} orders were made for the bill, not two"));
        }
        self.tell.note(&format!("order {second}: made by HIS itself, paid by Alipay"));
        Ok(())
    }

    fn stopped(&mut self) -> Told<()> {
        let mut collection = self.collect("B-1004", "+3.50")?;
        let order = collection.order()?;
        std::thread::sleep(self.chance.between(0, 1_000));
        self.commands.his(&["stop", &collection.id])?.expect(0, "hispos-his stop")?;
        expect_end(&collection.end()?, "not_paid")?;
        self.tell.note(&format!("order {order}: not paid, nothing was asked of anybody's purse"));
        Ok(())
    }

    fn insurance(&mut self) -> Told<()> {
        let mut collection = self.collect("B-1005", "+2.20")?;
        let order = collection.order()?;
        let refused = self.scan(INSURANCE_CODE)?.expect(3, "hispos-pos scan of an insurance code")?;
        self.tell.note(&format!("the POS: {}", refused.text_of("text")));
        let channel = self.any_channel();
        self.pay_with(channel, 0)?;
        expect_end(&collection.end()?, "paid")?;
        self.tell.note(&format!("order {order} still waited, and {} paid it", channel.name()));
        Ok(())
    }

    /// The platform has the money and HIS cannot know it: the line is gone.
    fn pulled_line(&mut self) -> Told<()> {
        let channel = self.any_channel();
        // The answer to the pay is lost, or an error is answered: the POS learns of the money only by asking again.
        let story = if self.chance.below(2) == 0 { 7 } else { 17 };
        let mut collection = self.collect("B-1006", "+88.00")?;
        let order = collection.order()?;
        let captured = self.watch_platform(&order, channel, "captured")?;
        self.pay_with(channel, story)?;
        captured.wait_for("capture", WITHIN, |line| line.get("order").map(drop))?;
        self.cable.pull();
        let at_his = self.open_at_his(&order)?.ok_or("HIS knew the end before the line was pulled")?;
        self.tell.note(&format!("the platform's book: {} captured 88.00 for {order}", channel.name()));
        self.tell.note(&format!(
            "HIS: {}, money {}; the cable is out",
            text(&at_his, "state"),
            text(&at_his, "money")
        ));
        let knows = self.chance.below(2) == 0;
        if knows {
            self.pos_event("ended", &order)?;
        }
        std::thread::sleep(self.chance.between(100, 3_000));
        let when = if knows { "after" } else { "perhaps before" };
        self.tell.note(&format!("plugged in again, {when} the POS knew it"));
        self.plug_his()?;
        let end = collection.end()?;
        expect_end(&end, "paid")?;
        self.tell.note(&format!("HIS: paid, payment {}", text(&end, "payment_no")));
        Ok(())
    }

    /// SIGKILL at some moment after the code was taken; a later order of the bill is paid, too, if one is needed.
    fn killed_pos(&mut self) -> Told<()> {
        let channel = self.any_channel();
        let mut collection = self.collect("B-1007", "+45.60")?;
        let order = collection.order()?;
        let known = self.watch_platform(&order, channel, "known")?;
        self.pay_with(channel, 1)?;
        let at_once = self.chance.below(4) == 0;
        if !at_once {
            known.wait_for("order", WITHIN, |line| line.get("order").map(drop))?;
            std::thread::sleep(self.chance.between(0, 1_500));
        }
        let pid = self.pos.pid();
        self.pos.kill()?;
        let when = if at_once { "right after the scan" } else { "while the patient types the password" };
        self.tell.note(&format!("pid {pid} killed {when}: order {order}, {}", channel.name()));
        std::thread::sleep(self.chance.between(0, 1_500));
        self.restart_pos()?;
        self.tell.note(&format!("pid {} is the POS now, with the same journal", self.pos.pid()));
        let end = loop {
            match collection.step()? {
                Step::Ended(end) => break end,
                Step::WaitCode(next) => {
                    self.tell
                        .note(&format!("nothing was paid by it; HIS made order {next} for the same bill"));
                    self.pay_with(channel, 0)?;
                }
            }
        };
        expect_end(&end, "paid")?;
        self.tell.note(&format!(
            "HIS: order {} paid, payment {}",
            text(&end, "order_no"),
            text(&end, "payment_no")
        ));
        Ok(())
    }

    fn foreign_terminal(&mut self) -> Told<()> {
        let other = self.commands.places.path("foreign.line");
        self.cable.pull();
        self.cable.plug(&other).map_err(|error| format!("the cable: {error}"))?;
        let refused = foreign::send(self.commands.places, &other, self.chance.below(1 << 60))?;
        self.cable.pull();
        if refused.code != WRONG_TERMINAL {
            return Err(format!("the POS answered {} in place of {WRONG_TERMINAL}", refused.code));
        }
        self.tell.note(&format!(
            "{OTHER_WINDOW}'s key, order {} in the name of {WINDOW}: rejected, {WRONG_TERMINAL} WRONG_TERMINAL",
            refused.order_no
        ));
        self.plug_his()
    }

    fn plug_his(&mut self) -> Told<()> {
        let line = self.commands.places.path("his.line");
        self.cable.plug(&line).map_err(|error| format!("the cable: {error}"))
    }

    fn any_channel(&mut self) -> Channel {
        if self.chance.below(2) == 0 { Channel::Wechat } else { Channel::Alipay }
    }
}

/// A text member; empty if it is absent.
fn text(of: &Value, member: &str) -> String {
    of.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn expect_end(end: &Value, wanted: &str) -> Told<()> {
    if text(end, "end") == wanted { Ok(()) } else { Err(format!("it should have ended as {wanted}: {end}")) }
}
