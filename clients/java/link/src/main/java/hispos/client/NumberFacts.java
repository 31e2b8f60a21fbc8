package hispos.client;

/** What the answers about one number at one merchant have proved so far (payment). */
final class NumberFacts {
  static final int ANSWERS_NEEDED = 3;

  /** The latest answer. */
  enum Latest {
    ALIVE,
    ABSENT,
    CLOSED,
    MONEY
  }

  /** What was found out, the three deaths last and in rising order. */
  enum Finding {
    CAPTURED,
    MISMATCH,
    REFUNDED,
    REVERSED_IN_PART,
    DEAD_ABSENT,
    DEAD_EXPIRED,
    DEAD_CLOSED;

    boolean isDeath() {
      return compareTo(DEAD_ABSENT) >= 0;
    }
  }

  /** By what an answer is judged. */
  static final class Rules {
    final boolean reversed;
    final boolean captureAfterFence;

    /** From when alive answers prove expiry; {@code Long.MAX_VALUE}: never. */
    final long expiredFrom;

    final long gap;

    Rules(boolean reversed, boolean captureAfterFence, long expiredFrom, long gap) {
      this.reversed = reversed;
      this.captureAfterFence = captureAfterFence;
      this.expiredFrom = expiredFrom;
      this.gap = gap;
    }
  }

  /** Equal answers that count (PAY-50). */
  private static final class Streak {
    int count;
    Long last;

    boolean counts(long at, long gap) {
      if (last != null && at < last + gap) {
        return false;
      }
      last = at;
      count++;
      return count >= ANSWERS_NEEDED;
    }
  }

  /** The order's own number at the merchant of its agreement; everything else is beside it. */
  final boolean isOwn;

  final String number;
  final Merchant merchant;
  long fence;

  /** The question that is open, or 0. */
  long inFlight;

  Latest latest;
  long latestEnded;
  Finding finding;

  /** The money of a finding, or null. */
  Capture money;

  private Streak absent = new Streak();
  private Streak alive = new Streak();

  NumberFacts(boolean isOwn, String number, Merchant merchant, long fence) {
    this.isOwn = isOwn;
    this.number = number;
    this.merchant = merchant;
    this.fence = fence;
  }

  /** A pay or reverse has ended with a first byte written (PAY-51, PAY-54). */
  void fencedFrom(long ended, long milliseconds) {
    fence = Math.max(fence, ended + milliseconds);
    absent = new Streak();
    alive = new Streak();
    latest = null;
  }

  void find(Finding found, Capture capture) {
    finding = found;
    money = capture;
  }

  /** Takes an answer to a query (PAY-41 to PAY-53). */
  void judge(Verdict verdict, Rules rules) {
    if (verdict.firstByte == null) {
      return;
    }
    long asked = verdict.firstByte;
    boolean isAfterFence = asked >= fence;
    Capture capture = verdict.proof.capture;
    switch (verdict.proof.name) {
      case CAPTURED:
        latest = Latest.MONEY;
        if (isAfterFence || !rules.captureAfterFence) {
          find(Finding.CAPTURED, capture);
        }
        break;
      case MISMATCH:
        latest = Latest.MONEY;
        find(Finding.MISMATCH, capture);
        break;
      case CAPTURED_AND_REFUNDED:
        latest = Latest.MONEY;
        if (!rules.reversed) {
          find(Finding.REFUNDED, capture);
        } else if (verdict.proof.refunded >= capture.amount) {
          find(Finding.DEAD_CLOSED, null);
        } else {
          find(Finding.REVERSED_IN_PART, capture);
        }
        break;
      case CLOSED:
        latest = Latest.CLOSED;
        find(Finding.DEAD_CLOSED, null);
        break;
      case ALIVE:
        latest = Latest.ALIVE;
        absent = new Streak();
        if (alive.counts(asked, rules.gap) && asked >= rules.expiredFrom) {
          find(Finding.DEAD_EXPIRED, null);
        }
        break;
      case ABSENT:
        latest = Latest.ABSENT;
        alive = new Streak();
        if (absent.counts(asked, rules.gap) && isAfterFence) {
          find(Finding.DEAD_ABSENT, null);
        }
        break;
      default:
        return;
    }
    latestEnded = verdict.ended;
  }

  /** When the last answer that counts was asked; {@code Long.MIN_VALUE}: none. */
  long counted() {
    long last = absent.last == null ? Long.MIN_VALUE : absent.last;
    return alive.last == null ? last : Math.max(last, alive.last);
  }
}
