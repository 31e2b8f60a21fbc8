package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.ConfirmResult;
import hispos.client.messages.Disposition;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** All orders of one POS: one attempt per order, inside a lease, asked before and after (orders). */
final class PosFlow {
  final PosContext context;
  private final String siteId;
  final TreeMap<String, Life> lives = new TreeMap<>();
  final TreeMap<String, Life> looks = new TreeMap<>();
  private final Map<Long, Asked> asks = new HashMap<>();

  /** Results that HIS has not answered, oldest first. */
  final Set<String> unanswered = new LinkedHashSet<>();

  private long nextVerify;
  private boolean verifyAgain;

  /** Whom a verdict is for. */
  private static final class Asked {
    final String orderNo;
    final boolean isLook;
    final Merchant merchant;

    Asked(String orderNo, boolean isLook, Merchant merchant) {
      this.orderNo = orderNo;
      this.isLook = isLook;
      this.merchant = merchant;
    }
  }

  PosFlow(PosContext context, String siteId, long now) {
    this.context = context;
    this.siteId = siteId;
    this.nextVerify = now;
  }

  /** Takes a row over: at the start every open one, later the one that a request is about. */
  void load(PosOrder row, boolean isStart, long now) {
    Life life = new Life(context, row.getCore(), hash(row.getCore()), row.toBuilder(), now);
    String orderNo = life.core.getOrderNo();
    if (isStart && life.hasEnded() && row.getAnsweredValue() == 0) {
      unanswered.add(orderNo);
    }
    life.restarted = isStart && !life.hasEnded();
    if (life.restarted && row.hasAttempt()) {
      Waits waits = life.waits();
      life.paidFrom += waits.connect + waits.http;
    }
    if (!lives.containsKey(orderNo)) {
      lives.put(orderNo, life);
    }
  }

  ByteString hash(ByteString core) {
    return Bytes.field(Orders.hash(siteId, Bytes.of(core)));
  }

  boolean knows(String orderNo) {
    return lives.containsKey(orderNo);
  }

  /** A payment code of a channel was scanned; whether an order waits for one of it. */
  boolean scan(Channel channel, PaymentCode code, Step step) {
    Life life = waiting();
    if (life == null) {
      return false;
    }
    Agreement agreement = context.agreement(life.core.getAgreementNo());
    if (agreement == null || PosContext.merchant(agreement, channel) == null) {
      return false;
    }
    life.forgetCode();
    life.code = code;
    life.codeChannel = channel;
    step(life.core.getOrderNo(), step);
    return true;
  }

  /** The order that waits for a code, or null. */
  private Life waiting() {
    for (Life life : lives.values()) {
      if (life.state() == PosState.POS_STATE_WAIT_CODE && !life.restarted) {
        return life;
      }
    }
    return null;
  }

  boolean waits() {
    return waiting() != null;
  }

  /** The order that stands in the way of another one, or null. */
  Life active() {
    for (Life life : lives.values()) {
      PosState state = life.state();
      if (state == PosState.POS_STATE_WAIT_CODE
          || state == PosState.POS_STATE_PAYING
          || state == PosState.POS_STATE_REFUNDING) {
        return life;
      }
    }
    return null;
  }

  /** An order's latest row as this run knows it, or null. */
  PosOrder row(String orderNo) {
    Life life = lives.get(orderNo);
    return life == null ? null : life.row.build();
  }

  /** A platform's answer. */
  void verdict(Verdict verdict, Step step) {
    Asked asked = asks.remove(verdict.id);
    if (asked == null) {
      return;
    }
    if (asked.merchant != null) {
      merchantVerdict(asked.merchant, verdict, step);
      return;
    }
    Life life = (asked.isLook ? looks : lives).get(asked.orderNo);
    if (life != null) {
      if (verdict.date != 0 && !life.facts.isEmpty()) {
        Channel channel = life.facts.get(0).merchant.channel;
        for (NumberFacts one : life.facts) {
          channel = one.inFlight == verdict.id ? one.merchant.channel : channel;
        }
        context.date(channel, verdict.date, verdict.ended);
      }
      life.verdict(verdict, step);
    }
    settle(asked.orderNo, asked.isLook, step);
  }

  private void merchantVerdict(Merchant merchant, Verdict verdict, Step step) {
    if (verdict.date != 0) {
      context.date(merchant.channel, verdict.date, verdict.ended);
    }
    boolean isVerified =
        verdict.proof.name == Proof.Name.VERIFIED && context.merchants.contains(merchant);
    boolean isRefused = verdict.proof.name == Proof.Name.MERCHANT_REFUSED;
    if ((isVerified && context.verified.add(merchant))
        || (isRefused && context.verified.remove(merchant))) {
      step.event(new LinkEvent.MerchantChecked(merchant, isVerified));
    }
  }

  /** Time has passed. */
  void tick(Step step) {
    for (String orderNo : new ArrayList<>(lives.keySet())) {
      step(orderNo, step);
    }
    for (String orderNo : new ArrayList<>(looks.keySet())) {
      looks.get(orderNo).step(step);
      settle(orderNo, true, step);
    }
    for (Life life : lives.values()) {
      if (step.now >= life.unconfirmedAt()) {
        life.unconfirmedTold = true;
        step.event(
            new LinkEvent.Alarmed(
                new Alarm(
                    Alarm.Kind.UNCONFIRMED,
                    life.core.getOrderNo(),
                    "HIS has not answered its result for long")));
      }
    }
    verifyMerchants(step);
  }

  private boolean isAsked(Merchant merchant) {
    for (Asked asked : asks.values()) {
      if (merchant.equals(asked.merchant)) {
        return true;
      }
    }
    return false;
  }

  private void verifyMerchants(Step step) {
    List<Merchant> missing = new ArrayList<>();
    for (Merchant merchant : context.merchants) {
      if (verifyAgain || (!context.verified.contains(merchant) && !isAsked(merchant))) {
        missing.add(merchant);
      }
    }
    if (missing.isEmpty() || step.now < nextVerify) {
      return;
    }
    verifyAgain = false;
    nextVerify = step.now + Timers.VERIFY_RETRY;
    for (Merchant merchant : missing) {
      Waits waits = Waits.USUAL;
      for (Agreements.Signed signed : context.agreements.all()) {
        if (merchant.equals(PosContext.merchant(signed.agreement, merchant.channel))) {
          waits = new Waits(signed.agreement.getTimers());
          break;
        }
      }
      Ask.What what = Ask.What.of(Ask.Request.VERIFY);
      Ask ask = context.ask(waits, merchant, "", 0, what, Long.MAX_VALUE);
      asks.put(ask.id, new Asked("", false, merchant));
      step.ask(ask);
    }
  }

  /** New agreements or credentials are there: every merchant is verified at once (PAY-33). */
  void provision(AgreementsHeld agreements, List<Merchant> merchants, long now) {
    context.agreements = agreements;
    context.merchants = merchants;
    context.verified.retainAll(merchants);
    nextVerify = now;
    verifyAgain = true;
  }

  void step(String orderNo, Step step) {
    Life life = lives.get(orderNo);
    if (life != null) {
      life.step(step);
    }
    settle(orderNo, false, step);
  }

  /** Registers its questions, tells how far it is, and moves what has ended to its place. */
  void settle(String orderNo, boolean isLook, Step step) {
    for (Step.Effect effect : step.then) {
      if (effect.ask != null && !asks.containsKey(effect.ask.id)) {
        asks.put(effect.ask.id, new Asked(orderNo, isLook, null));
      } else if (effect.report != null) {
        unanswered.add(effect.report);
      }
    }
    if (!isLook) {
      Life life = lives.get(orderNo);
      if (life != null) {
        life.tell(step);
      }
      return;
    }
    Life look = looks.get(orderNo);
    if (look != null && !look.looking) {
      lives.put(orderNo, looks.remove(orderNo));
    }
  }

  /** The next instant after now at which something is due; {@code Long.MAX_VALUE}: none. */
  long deadline(long now) {
    long next = Long.MAX_VALUE;
    for (Life life : lives.values()) {
      next = Math.min(next, life.deadline(now));
      long unconfirmed = life.unconfirmedAt();
      next = unconfirmed > now ? Math.min(next, unconfirmed) : next;
    }
    for (Life look : looks.values()) {
      next = Math.min(next, look.deadline(now));
    }
    boolean isUnverified = !context.verified.containsAll(context.merchants);
    return isUnverified && nextVerify > now ? Math.min(next, nextVerify) : next;
  }

  /** HIS answered a result. */
  void confirmed(ConfirmResult confirm, Step step) {
    String orderNo = confirm.getOrderNo();
    Life life = lives.get(orderNo);
    if (life == null
        || !Arrays.equals(
            Orders.resultHash(Bytes.of(life.row.getResult())),
            Bytes.of(confirm.getResultHash()))) {
      return;
    }
    Disposition disposition = confirm.getDisposition();
    if (disposition != Disposition.DISPOSITION_RECORDED
        && disposition != Disposition.DISPOSITION_KEPT) {
      return;
    }
    life.row.setAnswered(disposition);
    if (disposition == Disposition.DISPOSITION_RECORDED) {
      life.row.setRecorded(true).clearRecordedResult();
    }
    Life look = looks.get(orderNo);
    if (look != null) {
      look.follows(life.row.build());
    }
    life.write(step);
    step.event(new LinkEvent.Answered(orderNo, disposition));
    unanswered.remove(orderNo);
    if (life.hasEnded()) {
      lives.remove(orderNo);
    }
  }

  /** A Sync came: does the journal contain the anchor that HIS holds? */
  void synced(boolean isContained, Step step) {
    boolean isFirst = !context.synced;
    context.synced = true;
    if (isFirst) {
      context.anchored &= isContained;
    }
    if (!isContained) {
      context.anchored = false;
      for (Life life : lives.values()) {
        if (!life.hasEnded() && !life.row.getNotIntact()) {
          life.row.setNotIntact(true);
          life.write(step);
        }
      }
      step.event(
          new LinkEvent.Alarmed(
              new Alarm(Alarm.Kind.JOURNAL_WENT_BACK, "", "the journal went back")));
    } else if (isFirst) {
      for (Life life : lives.values()) {
        if (life.restarted && !life.row.getBoot().equals(context.boot)) {
          life.row.setNotIntact(true);
          life.write(step);
        }
      }
    }
    tick(step);
  }
}
