package hispos.client;

import hispos.client.messages.Channel;
import hispos.client.messages.PayAttempt;
import hispos.client.messages.PosState;
import hispos.client.messages.Status;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** A collect in WaitCode, Paying and Reversing (orders, payment). */
final class Collecting {
  private static final long REVERSE_AFTER_QUERY = 2_000;
  private static final long[] REVERSE_GAPS = {2_000, 4_000, 8_000, 15_000, 30_000};

  private final Life life;

  /** When the attempt's number was last asked about in Paying or Reversing. */
  private long askedAt;

  Collecting(Life life) {
    this.life = life;
  }

  /** Sets up the list of the order's numbers (PAY-37). */
  void askEverywhere(long fence) {
    List<NumberFacts> facts = new ArrayList<>();
    String own = life.core.getOrderNo();
    List<String> numbers = new ArrayList<>();
    numbers.add(own);
    for (String searched : life.row.getSearchList()) {
      if (!searched.equals(own)) {
        numbers.add(searched);
      }
    }
    for (int place = 0; place < numbers.size(); place++) {
      for (Channel channel : PosContext.CHANNELS) {
        String number = life.context.number(life.core, numbers.get(place), channel);
        boolean isFirst = true;
        for (Merchant merchant : life.context.merchants(life.core, channel)) {
          facts.add(new NumberFacts(place == 0 && isFirst, number, merchant, fence));
          isFirst = false;
        }
      }
    }
    life.facts = facts;
  }

  private boolean areAllAnswered() {
    for (NumberFacts one : life.facts) {
      if (one.latest == null) {
        return false;
      }
    }
    return true;
  }

  private Set<NumberFacts.Latest> answers() {
    Set<NumberFacts.Latest> found = new LinkedHashSet<>();
    for (NumberFacts one : life.facts) {
      if (one.latest != null) {
        found.add(one.latest);
      }
    }
    return found;
  }

  void stepWaitCode(Step step) {
    if (life.restarted) {
      if (life.context.synced) {
        leaveWaitCode(Status.STATUS_RESTARTED, step);
      }
      return;
    }
    Set<NumberFacts.Latest> answers = answers();
    boolean areAnswered = areAllAnswered();
    if (answers.contains(NumberFacts.Latest.ALIVE)
        || answers.contains(NumberFacts.Latest.MONEY)) {
      life.end(Ending.attention(Status.STATUS_NUMBER_USED), step);
    } else if (areAnswered && answers.contains(NumberFacts.Latest.CLOSED)) {
      life.end(Ending.notPaid(Status.STATUS_NUMBER_CLOSED), step);
    } else if (life.row.getCancelWanted()) {
      leaveWaitCode(Status.STATUS_CANCELLED, step);
    } else if (step.now >= life.startBy()) {
      boolean hasCode = life.code != null;
      leaveWaitCode(
          hasCode ? Status.STATUS_PLATFORM_DOWN : Status.STATUS_NO_CODE, step);
    } else {
      payOrAsk(areAnswered, step);
    }
  }

  private void payOrAsk(boolean areAnswered, Step step) {
    boolean hasCode = life.code != null;
    long date = hasCode ? life.context.platformTime(life.codeChannel, step.now) : 0;
    if (date != 0 && mayPay(life.codeChannel, areAnswered)) {
      pay(date, step);
      return;
    }
    if (step.now < life.nextQuery) {
      return;
    }
    life.nextQuery = step.now + Timers.CODE_ERROR_RETRY;
    // Without the platform's clock the waiting code cannot be used: its number is asked until one comes.
    Channel undated = hasCode && date == 0 ? life.codeChannel : null;
    for (NumberFacts one : life.facts) {
      if (one.latest == null || (one.isOwn && one.merchant.channel == undated)) {
        life.askAbout(one, step);
      }
    }
  }

  void leaveWaitCode(Status why, Step step) {
    if (life.row.getSearchCount() == 0 && life.isIntact()) {
      life.end(Ending.notPaid(why), step);
    } else {
      life.asking.start(step);
    }
  }

  private boolean mayPay(Channel channel, boolean areAnswered) {
    boolean isThere = false;
    for (NumberFacts one : life.facts) {
      if (one.isOwn && one.merchant.channel == channel) {
        isThere = true;
        if (one.latest != NumberFacts.Latest.ABSENT) {
          return false;
        }
      }
    }
    return isThere && (life.row.getSearchCount() == 0 || areAnswered);
  }

  private void pay(long date, Step step) {
    PaymentCode code = life.code;
    NumberFacts own = null;
    for (NumberFacts one : life.facts) {
      if (own == null && one.isOwn && one.merchant.channel == life.codeChannel) {
        own = one;
      }
    }
    life.code = null;
    long expiresAt = date + (life.waits().expiry + 999) / 1000;
    life.row.setAttempt(
        PayAttempt.newBuilder()
            .setChannel(life.codeChannel)
            .setCodeHash(Bytes.field(life.context.codeHash(code)))
            .setCodeLast(code.lastFour())
            .setAt(step.now)
            .setExpiresAt(expiresAt));
    life.facts = new ArrayList<>();
    life.facts.add(new NumberFacts(true, own.number, own.merchant, own.fence));
    life.paidFrom = step.now;
    life.enter(PosState.POS_STATE_PAYING, step);
    Ask.What what = Ask.What.pay(code, expiresAt);
    life.moveMoney(own.merchant, own.number, what, life.startBy(), step);
  }

  void payAnswered(Verdict verdict, Step step) {
    if (verdict.firstByte == null) {
      life.end(Ending.notPaid(Status.STATUS_PLATFORM_DOWN), step);
      return;
    }
    Waits waits = life.waits();
    life.paidFrom = verdict.firstByte;
    NumberFacts facts = life.attemptFacts();
    if (facts != null) {
      facts.fencedFrom(verdict.ended, waits.fence);
    }
    long after = verdict.answered ? Timers.QUERY_FIRST : Timers.QUERY_FIRST_AFTER_LOSS;
    life.nextQuery = verdict.ended + Math.min(after, waits.query);
    switch (verdict.proof.name) {
      case CAPTURED:
        // Even if the end is attention, HIS has to hear of the money.
        if (facts != null) {
          facts.find(NumberFacts.Finding.CAPTURED, verdict.proof.capture);
        }
        captured(verdict.proof.capture, step);
        break;
      case REFUSED:
        life.end(Ending.notPaid(Status.STATUS_CODE_REFUSED), step);
        break;
      case MERCHANT_REFUSED:
        life.end(Ending.notPaid(Status.STATUS_MERCHANT_REFUSED), step);
        break;
      case PAYER_REFUSED:
        life.row.setAttempt(life.row.getAttempt().toBuilder().setPayerRefused(true));
        life.write(step);
        life.nextQuery = step.now;
        break;
      case NUMBER_KNOWN:
        life.row.setAttempt(life.row.getAttempt().toBuilder().setNumberKnown(true));
        life.write(step);
        step.event(
            new LinkEvent.Alarmed(
                new Alarm(
                    Alarm.Kind.NUMBER_KNOWN,
                    life.core.getOrderNo(),
                    "the platform knew the number before the pay")));
        break;
      default:
        life.confirming = true;
        break;
    }
  }

  /** Money under the attempt's number: ours, unless the platform knew the number before us. */
  private void captured(Capture capture, Step step) {
    PayAttempt attempt = life.row.getAttempt();
    long written = attempt.getExpiresAt() - (life.waits().expiry + 999) / 1000;
    boolean isForeign =
        !life.row.hasAttempt()
            || attempt.getNumberKnown()
            || (capture.capturedAt != 0 && capture.capturedAt + 1 < written);
    boolean isAfterCancel = life.row.getCancelWanted() || life.row.getReverses() > 0;
    life.end(
        isForeign
            ? Ending.attention(Status.STATUS_NUMBER_USED)
            : Ending.paid(isAfterCancel, capture),
        step);
  }

  /** Ends the order if the attempt's number has been found out (PAY-76). */
  private boolean concludeAttempt(Step step) {
    boolean isRefused = life.row.hasAttempt() && life.row.getAttempt().getPayerRefused();
    NumberFacts facts = life.attemptFacts();
    NumberFacts.Finding finding = facts == null ? null : facts.finding;
    if (finding == null) {
      boolean isAbsent = life.latest() == NumberFacts.Latest.ABSENT;
      if (isRefused && isAbsent && life.state() == PosState.POS_STATE_PAYING) {
        Status status = Ending.death(NumberFacts.Finding.DEAD_ABSENT, true);
        life.end(Ending.notPaid(status), step);
        return true;
      }
      return false;
    }
    switch (finding) {
      case CAPTURED:
        captured(facts.money, step);
        break;
      case MISMATCH:
        life.end(Ending.attention(Status.STATUS_CAPTURE_MISMATCH), step);
        break;
      case REFUNDED:
        life.end(Ending.attention(Status.STATUS_CAPTURED_AND_REFUNDED), step);
        break;
      case REVERSED_IN_PART:
        life.end(Ending.attention(Status.STATUS_REVERSED_IN_PART), step);
        break;
      default:
        life.end(Ending.notPaid(Ending.death(finding, isRefused)), step);
        break;
    }
    return true;
  }

  void stepPaying(Step step) {
    if (life.moving != 0 || concludeAttempt(step)) {
      return;
    }
    if (step.now >= life.actBy() || life.restarted) {
      life.asking.start(step);
    } else if (isReverseDue(step.now)) {
      life.row.setReverses(1);
      life.enter(PosState.POS_STATE_REVERSING, step);
    } else {
      queryAttemptWhenDue(step);
    }
  }

  /** The order should not be paid any more, and a reverse is allowed (ORD-117). */
  private boolean isReverseDue(long now) {
    if (!life.row.hasAttempt()) {
      return false;
    }
    Waits waits = life.waits();
    boolean isRefused = life.row.getAttempt().getPayerRefused();
    boolean isWanted =
        now >= life.paidFrom + life.poll(waits) || life.row.getCancelWanted() || isRefused;
    NumberFacts.Latest latest = life.latest();
    boolean lives =
        latest == NumberFacts.Latest.ALIVE
            || (latest == NumberFacts.Latest.ABSENT && !isRefused);
    boolean isOldEnough = now >= life.paidFrom + waits.reverseMin;
    return isWanted && lives && isOldEnough && now < life.actBy();
  }

  private void queryAttemptWhenDue(Step step) {
    if (step.now < life.nextQuery) {
      return;
    }
    life.nextQuery = step.now + life.waits().query;
    for (NumberFacts one : life.facts) {
      if (one.isOwn) {
        if (one.inFlight == 0) {
          askedAt = step.now;
        }
        life.askAbout(one, step);
        return;
      }
    }
  }

  void stepReversing(Step step) {
    if (life.moving != 0 || concludeAttempt(step)) {
      return;
    }
    if (step.now >= life.actBy() || life.restarted) {
      life.asking.start(step);
      return;
    }
    boolean isFirst = life.reversesEnded == 0;
    NumberFacts facts = life.attemptFacts();
    NumberFacts.Latest latest = life.latest();
    boolean isReady =
        latest != null
            && step.now < facts.latestEnded + REVERSE_AFTER_QUERY
            && (latest == NumberFacts.Latest.ALIVE
                || (isFirst && latest == NumberFacts.Latest.ABSENT));
    if (isReady && step.now >= life.nextReverse) {
      Ask.What reverse = Ask.What.of(Ask.Request.REVERSE);
      life.moveMoney(facts.merchant, facts.number, reverse, life.actBy(), step);
      return;
    }
    // A reverse follows a query without a gap: when its time comes, the query comes first.
    boolean isAwaited = latest == NumberFacts.Latest.ALIVE || isFirst;
    boolean isOpen = facts != null && facts.inFlight != 0;
    long due = Math.max(life.nextReverse, askedAt + REVERSE_AFTER_QUERY);
    if (isAwaited && !isOpen && life.nextQuery > due + REVERSE_AFTER_QUERY) {
      life.nextQuery = due;
    }
    queryAttemptWhenDue(step);
  }

  /** A reverse proves nothing, whatever it answered; the query after it does. */
  void reverseAnswered(Verdict verdict) {
    Waits waits = life.waits();
    long gap = REVERSE_GAPS[Math.min(life.reversesEnded, REVERSE_GAPS.length - 1)];
    life.nextQuery = verdict.ended;
    life.nextReverse = verdict.ended + Math.min(gap, 6 * waits.query);
    if (verdict.firstByte == null) {
      return;
    }
    life.reversesEnded++;
    life.row.setReversedAt(verdict.ended);
    NumberFacts facts = life.attemptFacts();
    if (facts != null) {
      facts.fencedFrom(verdict.ended, waits.fence);
    }
  }
}
