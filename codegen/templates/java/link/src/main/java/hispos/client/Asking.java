package hispos.client;

import hispos.client.messages.Channel;
import hispos.client.messages.PosState;
import hispos.client.messages.Status;
import java.util.ArrayList;
import java.util.List;

/** A collect in Asking, and a look at one: the platform is asked how it ended (orders, payment). */
final class Asking {
  private static final long[] ASK_AT = {0, 1, 2, 6, 30};
  private static final long ASK_EVERY = 30 * 60 * 1_000L;
  private static final int ASK_AFTER_FENCE = 7;

  private final Life life;

  Asking(Life life) {
    this.life = life;
  }

  void start(Step step) {
    askForTheEnd();
    life.forgetCode();
    life.enter(PosState.POS_STATE_ASKING, step);
  }

  /** Sets up the list anew (PAY-40, PAY-55). */
  void askForTheEnd() {
    long fence = 0;
    boolean isOfRun =
        life.row.getRun().equals(life.context.run) && !life.row.getNotIntact();
    if (!life.looking) {
      for (NumberFacts one : life.facts) {
        fence = Math.max(fence, one.fence);
      }
      if (!isOfRun) {
        fence = Math.max(fence, life.context.started + life.waits().fence);
      }
    }
    Channel attempted =
        life.isIntact() && !life.looking && life.row.hasAttempt()
            ? life.row.getAttempt().getChannel()
            : null;
    List<NumberFacts> known = life.facts;
    life.collecting.askEverywhere(fence);
    List<NumberFacts> kept = new ArrayList<>();
    for (NumberFacts one : life.facts) {
      if (attempted == null || (one.isOwn && one.merchant.channel == attempted)) {
        kept.add(one);
      }
    }
    life.facts = kept;
    for (NumberFacts one : kept) {
      for (NumberFacts before : known) {
        if (before.number.equals(one.number) && before.merchant.equals(one.merchant)) {
          one.find(before.finding, before.money);
          one.inFlight = before.inFlight;
          break;
        }
      }
    }
  }

  void step(Step step) {
    if (life.restarted) {
      if (!life.context.synced) {
        return;
      }
      life.restarted = false;
      askForTheEnd();
    }
    Ending ending = concluded();
    if (ending != null) {
      life.end(ending, step);
    } else if (isUndecided(step)) {
      life.end(Ending.attention(Status.STATUS_UNDECIDED), step);
    } else if (mayReverseAgain(step.now)) {
      life.row.setReverses(Math.max(1, life.row.getReverses()));
      life.reversesEnded = 0;
      life.nextReverse = step.now;
      life.enter(PosState.POS_STATE_REVERSING, step);
    } else if (step.now >= life.nextQuery) {
      scheduleQuestion(step);
      for (NumberFacts one : life.facts) {
        if (one.finding == null) {
          life.askAbout(one, step);
        }
      }
    }
  }

  private boolean mayReverseAgain(long now) {
    boolean isAllowed =
        !life.looking && life.row.hasAttempt() && life.isIntact() && now < life.actBy();
    Waits waits = life.waits();
    return isAllowed
        && life.latest() == NumberFacts.Latest.ALIVE
        && now >= life.paidFrom + Math.max(life.poll(waits), waits.reverseMin);
  }

  /** When the next question is asked (payment, section "When queries are asked"). */
  private void scheduleQuestion(Step step) {
    Waits waits = life.waits();
    boolean isLeased = !life.looking && life.row.hasAttempt() && life.isIntact();
    if (isLeased && step.now < life.actBy()) {
      life.nextQuery = step.now + waits.query;
      return;
    }
    long gap = waits.absenceGap;
    long next = step.now + ASK_EVERY;
    for (long times : ASK_AT) {
      next = sooner(next, life.entered + times * gap, step.now);
    }
    List<Long> fences = new ArrayList<>();
    for (NumberFacts one : life.facts) {
      fences.add(one.fence);
    }
    long expiredFrom = life.rules(step).expiredFrom;
    if (expiredFrom != Long.MAX_VALUE) {
      fences.add(expiredFrom);
    }
    for (long fence : fences) {
      for (int nth = 0; fence > life.entered && nth < ASK_AFTER_FENCE; nth++) {
        next = sooner(next, fence + nth * gap, step.now);
      }
    }
    life.nextQuery = next;
  }

  private static long sooner(long next, long at, long now) {
    return at > now ? Math.min(next, at) : next;
  }

  /** No question comes before the next answer can count. */
  void keepTheGap(long gap) {
    if (!life.looking && life.state() != PosState.POS_STATE_ASKING) {
      return;
    }
    for (NumberFacts one : life.facts) {
      long counted = one.counted();
      if (counted != Long.MIN_VALUE) {
        life.nextQuery = Math.max(life.nextQuery, counted + gap);
      }
    }
  }

  private boolean isUndecided(Step step) {
    long accepted = life.row.getAcceptedUnix();
    return !life.looking
        && accepted > 0
        && step.unix != 0
        && step.unix >= accepted + (Timers.UNDECIDED_AFTER + 999) / 1000;
  }

  /** The end that the findings say, or null. */
  private Ending concluded() {
    boolean isUnattempted = life.isIntact() && !life.looking && !life.row.hasAttempt();
    if (isUnattempted) {
      for (NumberFacts one : life.facts) {
        if (one.money != null || one.latest == NumberFacts.Latest.ALIVE) {
          return Ending.attention(Status.STATUS_NUMBER_USED);
        }
      }
    }
    boolean isKnownBefore = life.row.hasAttempt() && life.row.getAttempt().getNumberKnown();
    List<Capture> captures = new ArrayList<>();
    NumberFacts.Finding death = null;
    for (NumberFacts one : life.facts) {
      if (one.finding == null) {
        return null;
      }
      switch (one.finding) {
        case MISMATCH:
          return Ending.attention(Status.STATUS_CAPTURE_MISMATCH);
        case REFUNDED:
          return Ending.attention(Status.STATUS_CAPTURED_AND_REFUNDED);
        case REVERSED_IN_PART:
          return Ending.attention(Status.STATUS_REVERSED_IN_PART);
        case CAPTURED:
          if (isKnownBefore || !one.isOwn) {
            return Ending.attention(Status.STATUS_NUMBER_USED);
          }
          captures.add(one.money);
          break;
        default:
          death = death == null || one.finding.compareTo(death) > 0 ? one.finding : death;
          break;
      }
    }
    return sum(captures, death, isUnattempted);
  }

  private Ending sum(
      List<Capture> captures, NumberFacts.Finding death, boolean isUnattempted) {
    if (captures.size() > 1) {
      return Ending.attention(Status.STATUS_CAPTURED_TWICE);
    }
    if (captures.size() == 1) {
      boolean isCancelled =
          !life.looking && (life.row.getCancelWanted() || life.row.getReverses() > 0);
      return Ending.paid(isCancelled, captures.get(0));
    }
    if (death == null) {
      return null;
    }
    if (isUnattempted && life.row.getCancelWanted()) {
      // Nothing was ever written for it, so it ends as it would have without a search.
      boolean isTombstone = life.row.getStartBy() == 0;
      return Ending.notPaid(
          isTombstone ? Status.STATUS_NEVER_SEEN : Status.STATUS_CANCELLED);
    }
    boolean isRefused = life.row.hasAttempt() && life.row.getAttempt().getPayerRefused();
    return Ending.notPaid(Ending.death(death, isRefused));
  }
}
