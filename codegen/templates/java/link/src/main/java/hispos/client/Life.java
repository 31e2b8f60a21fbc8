package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Channel;
import hispos.client.messages.Kind;
import hispos.client.messages.Message;
import hispos.client.messages.OrderCore;
import hispos.client.messages.OrderState;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import hispos.client.messages.RejectCode;
import hispos.client.messages.Rejected;
import hispos.client.messages.ResultCore;
import hispos.client.messages.SignedResult;
import hispos.client.messages.Stage;
import hispos.client.messages.StageMoney;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.List;

/** One order at a POS: its row, and what the run knows beside it. */
final class Life {
  final PosContext context;
  final OrderCore core;
  final ByteString coreBytes;
  final ByteString hash;
  PosOrder.Builder row;

  /** A look at an order, not the order itself. */
  boolean looking;

  /** It was open when the program started, and has not moved since. */
  boolean restarted;

  long entered;
  List<NumberFacts> facts = new ArrayList<>();
  Channel codeChannel;
  PaymentCode code;

  /** The request that moves money and is in flight, or 0. */
  long moving;

  /** When the pay's first byte was written. */
  long paidFrom;

  long nextQuery;
  int queries;
  int reversesEnded;
  long nextReverse;
  String providerCode = "";
  boolean confirming;
  boolean unconfirmedTold;
  private OrderState told;
  private long toldAt;
  final Collecting collecting = new Collecting(this);
  final Refunding refunding = new Refunding(this);
  final Asking asking = new Asking(this);

  Life(PosContext context, ByteString coreBytes, ByteString hash, PosOrder.Builder row, long now) {
    this.context = context;
    this.core = Orders.core(coreBytes);
    this.coreBytes = coreBytes;
    this.hash = hash;
    this.row = row;
    this.entered = now;
    this.nextQuery = now;
    this.nextReverse = now;
    this.paidFrom = row.hasAttempt() ? row.getAttempt().getAt() : now;
  }

  PosState state() {
    return row.getState();
  }

  long startBy() {
    return row.getStartBy();
  }

  long actBy() {
    return row.getActBy();
  }

  Waits waits() {
    return context.waits(core);
  }

  long poll(Waits waits) {
    boolean isAlipay =
        row.hasAttempt() && row.getAttempt().getChannel() == Channel.CHANNEL_ALIPAY;
    return isAlipay ? waits.pollAlipay : waits.pollWechat;
  }

  boolean isRefund() {
    return core.getKind() == Kind.KIND_REFUND;
  }

  boolean hasEnded() {
    return state() == PosState.POS_STATE_ENDED;
  }

  /** Whether the journal can prove what did not happen to it. */
  boolean isIntact() {
    boolean isOfBoot = row.getBoot().equals(context.boot) && context.anchored;
    return !row.getNotIntact() && (row.getRun().equals(context.run) || isOfBoot);
  }

  /** When an alarm for an unanswered result is due; {@code Long.MAX_VALUE}: never. */
  long unconfirmedAt() {
    boolean waits = hasEnded() && row.getAnsweredValue() == 0 && !unconfirmedTold;
    return waits ? entered + Timers.UNCONFIRMED_ALARM : Long.MAX_VALUE;
  }

  void write(Step step) {
    step.write(Table.TABLE_ORDER, core.getOrderNo(), row.build());
  }

  void enter(PosState state, Step step) {
    row.setState(state);
    entered = step.now;
    queries = 0;
    nextQuery = step.now;
    write(step);
  }

  void forgetCode() {
    if (code != null) {
      code.erase();
      code = null;
    }
  }

  /** Ends the order with a signed result, or the look with a newer one (ORD-34). */
  void end(Ending ending, Step step) {
    ResultCore result = ending.result(this, step);
    byte[] bytes = result.toByteArray();
    row.setResult(Bytes.field(bytes))
        .setSignature(Bytes.field(Orders.sign(context.crypto, context.seed, bytes)))
        .setAnsweredValue(0);
    forgetCode();
    looking = false;
    enter(PosState.POS_STATE_ENDED, step);
    step.event(new LinkEvent.OrderEnded(core.getOrderNo()));
    step.report(core.getOrderNo());
  }

  void step(Step step) {
    while (true) {
      PosState before = state();
      long movingBefore = moving;
      if (looking || state() == PosState.POS_STATE_ASKING) {
        if (isRefund()) {
          refunding.stepAsking(step);
        } else {
          asking.step(step);
        }
      } else {
        switch (state()) {
          case POS_STATE_WAIT_CODE:
            collecting.stepWaitCode(step);
            break;
          case POS_STATE_PAYING:
            collecting.stepPaying(step);
            break;
          case POS_STATE_REVERSING:
            collecting.stepReversing(step);
            break;
          case POS_STATE_REFUNDING:
            refunding.step(step);
            break;
          default:
            return;
        }
      }
      if ((state() == before && moving == movingBefore) || moving != 0) {
        return;
      }
    }
  }

  /** A platform's answer to one of its questions. */
  void verdict(Verdict verdict, Step step) {
    if (!verdict.providerCode.isEmpty()) {
      providerCode = verdict.providerCode;
    }
    if (moving == verdict.id) {
      moving = 0;
      if (isRefund()) {
        refunding.answered(verdict, step);
      } else if (state() == PosState.POS_STATE_PAYING) {
        collecting.payAnswered(verdict, step);
      } else {
        collecting.reverseAnswered(verdict);
      }
    } else if (isRefund()) {
      refunding.verdict(verdict, step);
    } else {
      NumberFacts.Rules rules = rules(step);
      for (NumberFacts one : facts) {
        if (one.inFlight == verdict.id) {
          one.inFlight = 0;
          one.judge(verdict, rules);
          confirming |= verdict.proof.name == Proof.Name.ALIVE;
          break;
        }
      }
      asking.keepTheGap(rules.gap);
    }
    step(step);
  }

  NumberFacts.Rules rules(Step step) {
    Waits waits = waits();
    boolean intact = isIntact() && !looking;
    boolean reversed = row.getReverses() > 0;
    boolean mayReverse = intact && row.hasAttempt() && step.now < actBy();
    long expiredFrom;
    if (mayReverse) {
      expiredFrom = Long.MAX_VALUE;
    } else if (looking) {
      expiredFrom = 0;
    } else if (intact && row.hasAttempt()) {
      expiredFrom = row.getAttempt().getAt() + waits.connect + waits.expiry + waits.fence;
    } else {
      long fence = context.started + waits.fence;
      for (NumberFacts one : facts) {
        fence = Math.max(fence, one.fence);
      }
      expiredFrom = fence + waits.expiry;
    }
    return new NumberFacts.Rules(reversed, reversed || !intact, expiredFrom, waits.absenceGap);
  }

  void askAbout(NumberFacts one, Step step) {
    if (one.inFlight != 0) {
      return;
    }
    long total = Math.abs(core.getAmount());
    Ask.What query = Ask.What.of(Ask.Request.QUERY);
    Ask ask =
        context.ask(waits(), one.merchant, one.number, total, query, Long.MAX_VALUE);
    one.inFlight = ask.id;
    step.ask(ask);
  }

  void moveMoney(Merchant merchant, String number, Ask.What what, long notAfter, Step step) {
    long total = isRefund() ? core.getRefundOf().getAmount() : Math.abs(core.getAmount());
    Ask ask = context.ask(waits(), merchant, number, total, what, notAfter);
    moving = ask.id;
    step.ask(ask);
  }

  /** What is known of the attempt's number, or null. */
  NumberFacts attemptFacts() {
    if (row.hasAttempt()) {
      for (NumberFacts one : facts) {
        if (one.isOwn && one.merchant.channel == row.getAttempt().getChannel()) {
          return one;
        }
      }
    }
    return null;
  }

  /** The latest answer about the attempt's number, or null. */
  NumberFacts.Latest latest() {
    NumberFacts found = attemptFacts();
    return found == null ? null : found.latest;
  }

  /** The next instant after now at which something is due; {@code Long.MAX_VALUE}: none. */
  long deadline(long now) {
    if (!looking && hasEnded()) {
      return Long.MAX_VALUE;
    }
    long next = Math.min(after(nextQuery, now), after(nextReverse, now));
    if (!looking) {
      boolean isEarly =
          state() == PosState.POS_STATE_WAIT_CODE || state() == PosState.POS_STATE_REFUNDING;
      next = Math.min(next, after(isEarly ? startBy() : actBy(), now));
    }
    if (told != null) {
      next = Math.min(next, after(toldAt + Timers.PROGRESS_EVERY, now));
    }
    if (row.hasAttempt()) {
      Waits waits = waits();
      next = Math.min(next, after(paidFrom + waits.reverseMin, now));
      next = Math.min(next, after(paidFrom + poll(waits), now));
    }
    return next;
  }

  private static long after(long at, long now) {
    return at > now ? at : Long.MAX_VALUE;
  }

  // What HIS and the patient are told.

  /** How far it is, or null once it has ended. */
  OrderState progress(long now) {
    Stage stage = stage();
    if (stage == Stage.STAGE_UNSPECIFIED) {
      return null;
    }
    boolean waits = stage == Stage.STAGE_WAIT_CODE;
    boolean hasNeverMoved =
        waits || (stage == Stage.STAGE_REFUNDING && row.getRefundStartedAt() == 0);
    OrderState.Builder state =
        OrderState.newBuilder()
            .setOrderNo(core.getOrderNo())
            .setStage(stage)
            .setMoney(
                hasNeverMoved ? StageMoney.STAGE_MONEY_NONE : StageMoney.STAGE_MONEY_UNKNOWN);
    if (row.hasAttempt()) {
      state.setChannel(row.getAttempt().getChannel());
    }
    if (waits) {
      state.setSecondsLeft((int) ((Math.max(0, startBy() - now) + 999) / 1000));
    }
    return state.build();
  }

  private Stage stage() {
    if (looking) {
      return Stage.STAGE_LOOKING;
    }
    if (state() == PosState.POS_STATE_PAYING && confirming) {
      return Stage.STAGE_USER_CONFIRMING;
    }
    return stageOf(state());
  }

  /** The stage of an order that is not looked up, by its stored state alone. */
  static Stage stageOf(PosState state) {
    switch (state) {
      case POS_STATE_WAIT_CODE:
        return Stage.STAGE_WAIT_CODE;
      case POS_STATE_PAYING:
        return Stage.STAGE_PAYING;
      case POS_STATE_REVERSING:
        return Stage.STAGE_REVERSING;
      case POS_STATE_REFUNDING:
        return Stage.STAGE_REFUNDING;
      case POS_STATE_ASKING:
        return Stage.STAGE_ASKING;
      default:
        return Stage.STAGE_UNSPECIFIED;
    }
  }

  /** Tells how far the order is: on a change, and every 15 s. */
  void tell(Step step) {
    OrderState progress = progress(step.now);
    if (progress == null) {
      return;
    }
    boolean isSame =
        told != null
            && told.getStage() == progress.getStage()
            && told.getChannel() == progress.getChannel();
    if (isSame && step.now < toldAt + Timers.PROGRESS_EVERY) {
      return;
    }
    told = progress;
    toldAt = step.now;
    step.notice(Message.newBuilder().setOrderState(progress));
    step.event(
        new LinkEvent.Progress(
            progress.getOrderNo(), progress.getStage(), progress.getSecondsLeft()));
  }

  /** What a request about it is answered with: the signed result, or how far it is. */
  Message.Builder answer(long now) {
    OrderState progress = progress(now);
    if (progress != null) {
      return Message.newBuilder().setOrderState(progress);
    }
    return Message.newBuilder()
        .setSignedResult(
            SignedResult.newBuilder()
                .setResult(row.getResult())
                .setSignature(row.getSignature()));
  }

  /** The reject of a request that names it with other bytes. */
  Message.Builder conflict() {
    OrderState progress = progress(entered);
    Rejected.Builder rejected =
        Rejected.newBuilder()
            .setCode(RejectCode.REJECT_CODE_CONFLICT)
            .setOrderNo(core.getOrderNo())
            .setCore(coreBytes)
            .setResult(row.getResult())
            .setSignature(row.getSignature());
    if (progress != null) {
      rejected.setStage(progress.getStage());
    }
    return Message.newBuilder().setRejected(rejected);
  }

  /** Makes a look follow the order that it looks at, but for its state. */
  void follows(PosOrder earlier) {
    boolean isLatest = earlier.getRecordedResult().isEmpty() && earlier.getRecorded();
    ByteString recorded = isLatest ? earlier.getResult() : earlier.getRecordedResult();
    PosState state = state();
    row = earlier.toBuilder().setState(state).setRecordedResult(recorded).clearSearch();
  }

  void startAskingEither(Step step) {
    if (isRefund()) {
      refunding.startAsking(step);
    } else {
      asking.start(step);
    }
  }
}
