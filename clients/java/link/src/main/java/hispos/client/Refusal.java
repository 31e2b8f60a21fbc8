package hispos.client;

/** A command that is not begun; nothing was stored. */
public final class Refusal extends Exception {
  private static final long serialVersionUID = 1L;

  /** Why, for programs. */
  public enum Reason {
    /** There is no session past Sync. */
    NO_SESSION,
    /** There is no such order, or it has ended. */
    UNKNOWN_ORDER,
    /** An order of the bill has not ended. */
    BILL_BUSY,
    /** A payment of the bill is not returned. */
    BILL_CAPTURED,
    /** A terminal holds an order that no bill has adopted. */
    ORPHAN,
    /** The ledger went back, and waits. */
    RESTORING,
    /** An amount is not allowed. */
    EXCEEDS,
    /** Another refund of the item has not ended. */
    ITEM_BUSY,
    /** It is too early after the last refund. */
    TOO_SOON,
    /** An order is still leased to its terminal. */
    LEASED,
    /** No order waits for a code. */
    NO_ORDER_WAITS,
    /** Something else. */
    OTHER
  }

  /** Why, for programs. */
  public final Reason reason;

  Refusal(Reason reason, String why) {
    super(why);
    this.reason = reason;
  }
}
