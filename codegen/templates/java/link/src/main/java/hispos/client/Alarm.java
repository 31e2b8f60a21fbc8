package hispos.client;

/** What people have to know. */
public final class Alarm {
  /** What it is about. */
  public enum Kind {
    /** The ledger is older than what a terminal has seen of it. */
    LEDGER_WENT_BACK,
    /** A result is not authentic. */
    NOT_AUTHENTIC,
    /** A terminal tells of an order that the ledger does not know. */
    ORPHAN,
    /** A result does not fit what is known. */
    CONTRADICTION,
    /** The terminal refused what was checked here. */
    REFUSED,
    /** The terminal holds another order under the same number. */
    CONFLICT,
    /** The journal is older than what HIS has seen of it. */
    JOURNAL_WENT_BACK,
    /** A platform knew a number before it was used here. */
    NUMBER_KNOWN,
    /** HIS has not confirmed a result for long. */
    UNCONFIRMED,
    /** The bill database has not taken an order for long. */
    UNPOSTED
  }

  /** What it is about. */
  public final Kind kind;

  /** The order, or empty. */
  public final String orderNo;

  /** In English. */
  public final String text;

  Alarm(Kind kind, String orderNo, String text) {
    this.kind = kind;
    this.orderNo = orderNo;
    this.text = text;
  }

  @Override
  public String toString() {
    return "alarm: " + (orderNo.isEmpty() ? "" : orderNo + ": ") + text;
  }
}
