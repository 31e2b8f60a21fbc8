package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Agreement;
import hispos.client.messages.CancelOrder;
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
import java.util.List;

/** What HIS asks about orders, answered from the state of the flow, so a repeat costs nothing. */
final class PosRequests {
  private final PosFlow flow;
  private final PosContext context;

  PosRequests(PosFlow flow) {
    this.flow = flow;
    this.context = flow.context;
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
    Life life = flow.lives.get(orderNo);
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
    return new Life(context, core, flow.hash(core), row, step.now);
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
    Life known = flow.lives.get(orderNo);
    if (known != null) {
      return known.coreBytes.equals(submit.getCore()) ? known.answer(step.now) : known.conflict();
    }
    long startBy = around.zero + (submit.getStartBy() & 0xFFFFFFFFL) * 1000;
    RejectCode code = judgeSubmit(core, submit, around, startBy, step.now);
    if (code != null) {
      return rejected(code, orderNo);
    }
    Life active = flow.active();
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
    flow.lives.put(orderNo, life);
    flow.step(orderNo, step);
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
    Life life = flow.lives.get(query.getOrderNo());
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
    Life life = flow.lives.get(orderNo);
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
      flow.lives.put(orderNo, life);
    }
    flow.step(orderNo, step);
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
    Life life = flow.lives.get(orderNo);
    if (life != null && !life.coreBytes.equals(wanted.getCore())) {
      return life.conflict();
    }
    if (!context.canAsk(core)) {
      return rejected(RejectCode.REJECT_CODE_MERCHANT, orderNo);
    }
    boolean isOwn = core.getDeviceId().equals(context.deviceId);
    boolean isKnownEnd =
        life != null && life.hasEnded() && !wanted.getFresh() && !flow.looks.containsKey(orderNo);
    if (life == null && isOwn) {
      Life stored = newLife(wanted.getCore(), new ArrayList<String>(), step);
      stored.row.setNotIntact(true);
      stored.startAskingEither(step);
      flow.lives.put(orderNo, stored);
      flow.step(orderNo, step);
    } else if (life != null && !life.hasEnded() && isOwn) {
      if (life.state() == PosState.POS_STATE_WAIT_CODE && !life.restarted) {
        life.collecting.leaveWaitCode(Status.STATUS_RESTARTED, step);
      }
      flow.step(orderNo, step);
    } else if (!isKnownEnd) {
      lookAt(wanted.getCore(), orderNo, step);
    }
    Life look = flow.looks.get(orderNo);
    return look != null ? look.answer(step.now) : stateOf(orderNo, step.now);
  }

  private void lookAt(ByteString core, String orderNo, Step step) {
    Life look = flow.looks.get(orderNo);
    if (look == null) {
      look = newLife(core, new ArrayList<String>(), step);
      Life ended = flow.lives.get(orderNo);
      if (ended != null) {
        look.follows(ended.row.build());
      }
      look.looking = true;
      look.row.setState(PosState.POS_STATE_ASKING);
      look.asking.askForTheEnd();
      flow.looks.put(orderNo, look);
    }
    look.step(step);
    flow.settle(orderNo, true, step);
  }
}
