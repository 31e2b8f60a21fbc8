package hispos.client;

/** What a platform's answer proves (payment, section "Verdicts"). */
public final class Proof {
  /** The name of a proof. */
  public enum Name {
    /** Nothing. */
    OPEN,
    /** The platform has the money, at the right total. */
    CAPTURED,
    /** It has money under this number, at another total or merchant. */
    MISMATCH,
    /** It has taken money, and refunds of so much are seen on it. */
    CAPTURED_AND_REFUNDED,
    /** The number can never be paid any more. */
    CLOSED,
    /** The pay was refused before an order came to exist. */
    REFUSED,
    /** The payer's account refused. */
    PAYER_REFUSED,
    /** The platform already knew the number. */
    NUMBER_KNOWN,
    /** The number is known and can still be paid. */
    ALIVE,
    /** The platform does not know the number. */
    ABSENT,
    /** The refund was carried out. */
    REFUNDED,
    /** The platform knows the refund, and it has not ended. */
    REFUND_PENDING,
    /** Refused, or closed; it cannot happen any more. */
    NOT_REFUNDED,
    /** A person has to carry it on at the platform. */
    REFUND_ABNORMAL,
    /** The credentials are right. */
    VERIFIED,
    /** The merchant or the request was refused, before an order came to exist. */
    MERCHANT_REFUSED
  }

  final Name name;
  final Capture capture;
  final long refunded;
  final String refundId;
  final long at;
  final boolean closed;

  private Proof(
      Name name, Capture capture, long refunded, String refundId, long at, boolean closed) {
    this.name = name;
    this.capture = capture;
    this.refunded = refunded;
    this.refundId = refundId;
    this.at = at;
    this.closed = closed;
  }

  /** A proof without anything more. */
  public static Proof of(Name name) {
    return new Proof(name, null, 0, "", 0, false);
  }

  /** Captured, or a mismatch. */
  public static Proof money(Name name, Capture capture) {
    return new Proof(name, capture, 0, "", 0, false);
  }

  /** Captured, and so much of it was given back. */
  public static Proof capturedAndRefunded(Capture capture, long refunded) {
    return new Proof(Name.CAPTURED_AND_REFUNDED, capture, refunded, "", 0, false);
  }

  /** Refunded, under the platform's own number, which may be empty, at a time, which may be 0. */
  public static Proof refunded(String refundId, long at) {
    return new Proof(Name.REFUNDED, null, 0, refundId, at, false);
  }

  /** Not refunded: closed after it was accepted, or refused. */
  public static Proof notRefunded(boolean closed) {
    return new Proof(Name.NOT_REFUNDED, null, 0, "", 0, closed);
  }
}
