package hispos.client;

import hispos.client.messages.PosState;
import hispos.client.messages.RefundOf;
import hispos.client.messages.Status;
import java.util.ArrayList;

/** A refund in Refunding and Asking, and a look at one (orders, payment). */
final class Refunding {
  private static final int ABSENT_NEEDED = 3;
  private static final int[] GAPS = {1, 1, 3, 6, 30};
  private static final long ASK_EVERY = 30 * 60 * 1_000L;

  private final Life life;

  /** The question that is open, or 0. */
  private long asked;

  private boolean absent;
  private int absents;
  private Long absentAt;
  private long fence;
  private int requested;

  /** Whether the original holds the named capture; null while nobody knows. */
  private Boolean original;

  Refunding(Life life) {
    this.life = life;
  }

  void step(Step step) {
    boolean hasStarted = life.row.getRefundStartedAt() != 0;
    if (life.restarted) {
      if (!life.context.synced) {
        return;
      }
      if (!hasStarted && life.isIntact()) {
        life.end(Ending.notRefunded(Status.STATUS_NEVER_SENT), step);
      } else {
        startAsking(step);
      }
      return;
    }
    if (life.moving != 0 || asked != 0) {
      return;
    }
    if (hasStarted) {
      startAsking(step);
    } else if (life.row.getCancelWanted()) {
      life.end(Ending.notRefunded(Status.STATUS_NEVER_SENT), step);
    } else if (step.now >= life.startBy()) {
      life.end(Ending.notRefunded(Status.STATUS_REFUND_PLATFORM_DOWN), step);
    } else if (original == null) {
      if (step.now >= life.nextQuery) {
        life.nextQuery = step.now + Timers.CODE_ERROR_RETRY;
        ask(absent ? Ask.What.of(Ask.Request.QUERY) : question(), step);
      }
    } else if (original) {
      life.row.setRefundStartedAt(Math.max(1, step.now));
      life.enter(PosState.POS_STATE_REFUNDING, step);
      request(life.startBy(), step);
    } else {
      life.end(Ending.notRefunded(Status.STATUS_ORIGINAL), step);
    }
  }

  void startAsking(Step step) {
    if (!life.row.getRun().equals(life.context.run) || life.row.getNotIntact()) {
      fence = Math.max(fence, life.context.started + life.waits().fence);
    }
    life.restarted = false;
    absent = false;
    life.enter(PosState.POS_STATE_ASKING, step);
  }

  void stepAsking(Step step) {
    if (life.restarted) {
      if (!life.context.synced) {
        return;
      }
      fence = Math.max(fence, life.context.started + life.waits().fence);
      life.restarted = false;
    }
    if (life.moving != 0 || asked != 0) {
      return;
    }
    boolean isLeased = !life.looking && life.isIntact() && step.now < life.actBy();
    if (isLeased && absent && life.row.getRefundStartedAt() != 0) {
      absent = false;
      request(life.actBy(), step);
    } else if (step.now >= life.nextQuery) {
      schedule(step.now);
      ask(question(), step);
    }
  }

  private void schedule(long now) {
    long gap = life.waits().absenceGap;
    int nth = life.queries++;
    long next = now + (nth < GAPS.length ? gap * GAPS[nth] : ASK_EVERY);
    if (fence > life.entered) {
      for (int times = 0; times <= 6; times++) {
        if (fence + times * gap > now) {
          next = Math.min(next, fence + times * gap);
          break;
        }
      }
    }
    life.nextQuery = next;
  }

  private Ask.What question() {
    String number = life.context.refundNumber(life.core);
    long amount = Math.abs(life.core.getAmount());
    return number == null ? null : Ask.What.refund(Ask.Request.QUERY_REFUND, number, amount);
  }

  private void ask(Ask.What what, Step step) {
    Merchant merchant = life.context.originalMerchant(life.core);
    if (what == null || merchant == null) {
      return;
    }
    Ask ask =
        life.context.ask(
            life.waits(),
            merchant,
            life.context.originalNumber(life.core),
            life.core.getRefundOf().getAmount(),
            what,
            Long.MAX_VALUE);
    asked = ask.id;
    step.ask(ask);
  }

  private void request(long notAfter, Step step) {
    Merchant merchant = life.context.originalMerchant(life.core);
    String number = life.context.refundNumber(life.core);
    if (merchant == null || number == null) {
      return;
    }
    long amount = Math.abs(life.core.getAmount());
    Ask.What what = Ask.What.refund(Ask.Request.REFUND, number, amount);
    life.moveMoney(merchant, life.context.originalNumber(life.core), what, notAfter, step);
  }

  /** The answer to a refund request. */
  void answered(Verdict verdict, Step step) {
    boolean isFirst = requested == 0 && life.state() == PosState.POS_STATE_REFUNDING;
    if (verdict.firstByte != null) {
      requested++;
      fence = Math.max(fence, verdict.ended + life.waits().fence);
      absents = 0;
      absentAt = null;
    }
    if (verdict.proof.name != Proof.Name.NOT_REFUNDED || isFirst) {
      conclude(verdict.proof, step);
    }
    if (life.state() == PosState.POS_STATE_REFUNDING) {
      startAsking(step);
      life.nextQuery = step.now + life.waits().absenceGap;
    }
  }

  /** The answer to a question. */
  void verdict(Verdict verdict, Step step) {
    if (asked != verdict.id) {
      return;
    }
    asked = 0;
    boolean isBefore = life.state() == PosState.POS_STATE_REFUNDING && !life.looking;
    if (isBefore && absent) {
      judgeOriginal(verdict);
      return;
    }
    if (verdict.proof.name != Proof.Name.ABSENT) {
      boolean isPending = verdict.proof.name == Proof.Name.REFUND_PENDING;
      if (isPending) {
        // The number is known: what was absent before proves nothing.
        absent = false;
        absents = 0;
        absentAt = null;
      }
      conclude(verdict.proof, step);
      if (isBefore && isPending) {
        startAsking(step);
      }
      return;
    }
    absent = true;
    if (isBefore) {
      life.nextQuery = step.now;
    }
    if (verdict.firstByte != null) {
      count(verdict.firstByte, isBefore, step);
    }
  }

  private void count(long at, boolean isBefore, Step step) {
    long gap = life.waits().absenceGap;
    if (absentAt == null || at >= absentAt + gap) {
      absentAt = at;
      absents++;
      if (!isBefore) {
        life.nextQuery = Math.max(life.nextQuery, at + gap);
      }
    }
    boolean isLeased = !life.looking && life.isIntact() && step.now < life.actBy();
    boolean isFenced = life.looking || at >= fence;
    if (life.state() != PosState.POS_STATE_REFUNDING
        && !isLeased
        && isFenced
        && absents >= ABSENT_NEEDED) {
      life.end(Ending.notRefunded(Status.STATUS_REFUND_ABSENT), step);
    }
  }

  private void judgeOriginal(Verdict verdict) {
    RefundOf wanted = life.core.getRefundOf();
    Capture capture = verdict.proof.capture;
    switch (verdict.proof.name) {
      case CAPTURED:
      case CAPTURED_AND_REFUNDED:
        original =
            capture.amount == wanted.getAmount()
                && capture.paymentNo.equals(wanted.getPaymentNo());
        break;
      case MISMATCH:
      case CLOSED:
      case ALIVE:
      case ABSENT:
        original = false;
        break;
      default:
        original = null;
        break;
    }
    if (Boolean.TRUE.equals(original)) {
      NumberFacts one =
          new NumberFacts(
              true,
              life.context.originalNumber(life.core),
              life.context.originalMerchant(life.core),
              0);
      one.latest = NumberFacts.Latest.MONEY;
      one.latestEnded = verdict.ended;
      life.facts = new ArrayList<>();
      life.facts.add(one);
    }
  }

  private void conclude(Proof proof, Step step) {
    switch (proof.name) {
      case REFUNDED:
        life.end(Ending.refunded(proof.refundId, proof.at), step);
        break;
      case NOT_REFUNDED:
        life.end(
            Ending.notRefunded(
                proof.closed ? Status.STATUS_REFUND_CLOSED : Status.STATUS_REFUND_REFUSED),
            step);
        break;
      case REFUND_ABNORMAL:
        life.end(Ending.attention(Status.STATUS_REFUND_ABNORMAL), step);
        break;
      case NUMBER_KNOWN:
        life.end(Ending.attention(Status.STATUS_NUMBER_USED), step);
        break;
      default:
        break;
    }
  }
}
