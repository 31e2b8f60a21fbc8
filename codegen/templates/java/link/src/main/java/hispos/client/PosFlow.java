package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Agreement;
import hispos.client.messages.CancelOrder;
import hispos.client.messages.Channel;
import hispos.client.messages.ConfirmResult;
import hispos.client.messages.Disposition;
import hispos.client.messages.LookUp;
import hispos.client.messages.Message;
import hispos.client.messages.NoRecord;
import hispos.client.messages.OrderCore;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import hispos.client.messages.QueryOrder;
import hispos.client.messages.RejectCode;
import hispos.client.messages.Rejected;
import hispos.client.messages.Status;
import hispos.client.messages.SubmitOrder;
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
  private final TreeMap<String, Life> lives = new TreeMap<>();
  private final TreeMap<String, Life> looks = new TreeMap<>();
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

  /** What surrounds a request of HIS. */
  static final class Around {
    final String peer;
    final boolean isPeerActive;
    final long zero;
    final List<Integer> serving;
    final boolean hasStorage;

    Around(
        String peer,
        boolean isPeerActive,
        long zero,
        List<Integer> serving,
        boolean hasStorage) {
      this.peer = peer;
      this.isPeerActive = isPeerActive;
      this.zero = zero;
      this.serving = serving;
      this.hasStorage = hasStorage;
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

  private ByteString hash(ByteString core) {
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
  private Life active() {
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
    boolean isVerified = verdict.proof.name == Proof.Name.VERIFIED;
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
      for (Agreement agreement : context.agreements) {
        if (merchant.equals(PosContext.merchant(agreement, merchant.channel))) {
          waits = new Waits(agreement.getTimers());
          break;
        }
      }
      Ask.What what = Ask.What.of(Ask.Request.VERIFY);
      Ask ask = context.ask(waits, merchant, "", 0, what, Long.MAX_VALUE);
      asks.put(ask.id, new Asked("", false, merchant));
      step.ask(ask);
    }
  }

  /** New credentials or agreements: every merchant is verified at once (PAY-33). */
  void provisioned(long now) {
    nextVerify = now;
    verifyAgain = true;
  }

  private void step(String orderNo, Step step) {
    Life life = lives.get(orderNo);
    if (life != null) {
      life.step(step);
    }
    settle(orderNo, false, step);
  }

  /** Registers its questions, tells how far it is, and moves what has ended to its place. */
  private void settle(String orderNo, boolean isLook, Step step) {
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

  // What HIS asks, answered from state, so a repeat costs nothing.

  /** A reject: nothing was stored and nothing moves. */
  private static Message.Builder rejected(RejectCode code, String orderNo) {
    return Message.newBuilder()
        .setRejected(Rejected.newBuilder().setCode(code).setOrderNo(orderNo));
  }

  /** The reject of a core that this device may not take, or null. */
  private Message.Builder judgeOwn(ByteString core) {
    try {
      OrderCore said = Orders.readCore(Bytes.of(core));
      return said.getDeviceId().equals(context.deviceId)
          ? null
          : rejected(RejectCode.REJECT_CODE_WRONG_DEVICE, said.getOrderNo());
    } catch (Malformed error) {
      return rejected(error.code, "");
    }
  }

  private Message.Builder stateOf(String orderNo, long now) {
    Life life = lives.get(orderNo);
    return life == null
        ? rejected(RejectCode.REJECT_CODE_MALFORMED, orderNo)
        : life.answer(now);
  }

  private Life newLife(ByteString core, List<String> search, Step step) {
    PosOrder.Builder row =
        PosOrder.newBuilder()
            .setCore(core)
            .setRun(context.run)
            .setBoot(context.boot)
            .setAcceptedAt(step.now)
            .setAcceptedUnix(step.unix)
            .addAllSearch(search);
    return new Life(context, core, hash(core), row, step.now);
  }

  private static boolean isSearch(List<String> search) {
    for (String number : search) {
      if (!isOrderNo(number)) {
        return false;
      }
    }
    return search.size() <= Limits.SEARCH_MAX;
  }

  private static boolean isOrderNo(String number) {
    return number.matches("[0-9A-Z]{1,24}");
  }

  /** Accepts a new order, or answers for a known one (ORD-88). */
  Message.Builder submit(SubmitOrder submit, Around around, Step step) {
    Message.Builder reject = judgeOwn(submit.getCore());
    if (reject != null) {
      return reject;
    }
    OrderCore core = Orders.core(submit.getCore());
    String orderNo = core.getOrderNo();
    Life known = lives.get(orderNo);
    if (known != null) {
      return known.coreBytes.equals(submit.getCore()) ? known.answer(step.now) : known.conflict();
    }
    long startBy = around.zero + (submit.getStartBy() & 0xFFFFFFFFL) * 1000;
    RejectCode code = judgeSubmit(core, submit, around, startBy, step.now);
    if (code != null) {
      return rejected(code, orderNo);
    }
    Life active = active();
    if (active != null) {
      return rejected(RejectCode.REJECT_CODE_BUSY, active.core.getOrderNo());
    }
    Life life = newLife(submit.getCore(), submit.getSearchList(), step);
    life.row.setStartBy(startBy).setActBy(startBy + life.waits().act);
    if (life.isRefund()) {
      life.enter(PosState.POS_STATE_REFUNDING, step);
    } else {
      life.collecting.askEverywhere(0);
      life.enter(PosState.POS_STATE_WAIT_CODE, step);
    }
    step.event(new LinkEvent.Accepted(orderNo, core.getAmount()));
    lives.put(orderNo, life);
    step(orderNo, step);
    return stateOf(orderNo, step.now);
  }

  private RejectCode judgeSubmit(
      OrderCore core, SubmitOrder submit, Around around, long startBy, long now) {
    if (!submit.getTerminalId().equals(around.peer) || !around.isPeerActive) {
      return RejectCode.REJECT_CODE_WRONG_TERMINAL;
    }
    if (!submit.getRun().equals(context.run)) {
      return RejectCode.REJECT_CODE_RUN_CHANGED;
    }
    if (!isSearch(submit.getSearchList())) {
      return RejectCode.REJECT_CODE_MALFORMED;
    }
    Agreement agreement = context.agreement(core.getAgreementNo());
    if (agreement == null
        || !around.serving.contains(core.getAgreementNo())
        || !context.mayMove(core)) {
      return RejectCode.REJECT_CODE_MERCHANT;
    }
    long most =
        core.getAmount() > 0
            ? agreement.getAmounts().getCollectMax()
            : agreement.getAmounts().getRefundMax();
    if (Math.abs(core.getAmount()) > most) {
      return RejectCode.REJECT_CODE_AMOUNT;
    }
    if (startBy <= now) {
      return RejectCode.REJECT_CODE_EXPIRED;
    }
    Waits waits = new Waits(agreement.getTimers());
    if (startBy > now + waits.start + waits.drift) {
      return RejectCode.REJECT_CODE_MALFORMED;
    }
    return around.hasStorage ? null : RejectCode.REJECT_CODE_STORAGE;
  }

  /** Tells what is known of an order. */
  Message.Builder query(QueryOrder query, Step step) {
    if (!isOrderNo(query.getOrderNo())) {
      return rejected(RejectCode.REJECT_CODE_MALFORMED, "");
    }
    Life life = lives.get(query.getOrderNo());
    if (life == null) {
      return Message.newBuilder().setNoRecord(NoRecord.newBuilder().setRun(context.run));
    }
    return life.hash.equals(query.getOrderHash()) ? life.answer(step.now) : life.conflict();
  }

  /** Ends an order if nothing has moved, and makes sure that it never can (ORD-95, ORD-96). */
  Message.Builder cancel(CancelOrder cancel, Step step) {
    Message.Builder reject = judgeOwn(cancel.getCore());
    if (reject != null) {
      return reject;
    }
    String orderNo = Orders.core(cancel.getCore()).getOrderNo();
    Life life = lives.get(orderNo);
    if (life != null) {
      if (!life.coreBytes.equals(cancel.getCore())) {
        return life.conflict();
      }
      boolean isWanted =
          !life.hasEnded() && life.state() != PosState.POS_STATE_ASKING;
      if (isWanted && !life.row.getCancelWanted()) {
        life.row.setCancelWanted(true);
        life.write(step);
      }
    } else if (!cancel.getRun().equals(context.run)) {
      return rejected(RejectCode.REJECT_CODE_RUN_CHANGED, orderNo);
    } else if (!isSearch(cancel.getSearchList())) {
      return rejected(RejectCode.REJECT_CODE_MALFORMED, orderNo);
    } else {
      life = newLife(cancel.getCore(), cancel.getSearchList(), step);
      life.row.setCancelWanted(true);
      if (cancel.getSearchCount() > 0) {
        life.startAskingEither(step);
      } else if (life.isRefund()) {
        life.end(Ending.notRefunded(Status.STATUS_REFUND_NEVER_SEEN), step);
      } else {
        life.end(Ending.notPaid(Status.STATUS_NEVER_SEEN), step);
      }
      lives.put(orderNo, life);
    }
    step(orderNo, step);
    return stateOf(orderNo, step.now);
  }

  /** Asks the platform how an order ended, without ever acting on it (ORD-97, ORD-98). */
  Message.Builder lookUp(LookUp wanted, Step step) {
    OrderCore core;
    try {
      core = Orders.readCore(Bytes.of(wanted.getCore()));
    } catch (Malformed error) {
      return rejected(RejectCode.REJECT_CODE_MALFORMED, "");
    }
    String orderNo = core.getOrderNo();
    Life life = lives.get(orderNo);
    if (life != null && !life.coreBytes.equals(wanted.getCore())) {
      return life.conflict();
    }
    if (!context.canAsk(core)) {
      return rejected(RejectCode.REJECT_CODE_MERCHANT, orderNo);
    }
    boolean isOwn = core.getDeviceId().equals(context.deviceId);
    boolean isKnownEnd =
        life != null && life.hasEnded() && !wanted.getFresh() && !looks.containsKey(orderNo);
    if (life == null && isOwn) {
      Life stored = newLife(wanted.getCore(), new ArrayList<String>(), step);
      stored.row.setNotIntact(true);
      stored.startAskingEither(step);
      lives.put(orderNo, stored);
      step(orderNo, step);
    } else if (life != null && !life.hasEnded() && isOwn) {
      if (life.state() == PosState.POS_STATE_WAIT_CODE && !life.restarted) {
        life.collecting.leaveWaitCode(Status.STATUS_RESTARTED, step);
      }
      step(orderNo, step);
    } else if (!isKnownEnd) {
      lookAt(wanted.getCore(), orderNo, step);
    }
    Life look = looks.get(orderNo);
    return look != null ? look.answer(step.now) : stateOf(orderNo, step.now);
  }

  private void lookAt(ByteString core, String orderNo, Step step) {
    Life look = looks.get(orderNo);
    if (look == null) {
      look = newLife(core, new ArrayList<String>(), step);
      Life ended = lives.get(orderNo);
      if (ended != null) {
        look.follows(ended.row.build());
      }
      look.looking = true;
      look.row.setState(PosState.POS_STATE_ASKING);
      look.asking.askForTheEnd();
      looks.put(orderNo, look);
    }
    look.step(step);
    settle(orderNo, true, step);
  }
}
