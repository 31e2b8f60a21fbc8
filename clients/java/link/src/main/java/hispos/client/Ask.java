package hispos.client;

/**
 * A question, or a request that moves money, for one platform. It goes out on a connection of its
 * own that carries this one request, and is retried by no layer (PAY-3, PAY-4).
 */
public final class Ask {
  /** What is asked. */
  public enum Request {
    /** Are these credentials right, also for reverses and refunds? */
    VERIFY,
    /** What became of this platform number? */
    QUERY,
    /** Take this total, with this payment code, until this expiry. */
    PAY,
    /** Close this number, or give everything back. */
    REVERSE,
    /** Give this amount of the original back, under the refund number. */
    REFUND,
    /** What became of the refund number? */
    QUERY_REFUND
  }

  /** Comes back in the verdict. */
  public final long id;

  /** Whose credentials are used. */
  public final Merchant merchant;

  /** The platform number; of the original, for a refund; empty for a verification. */
  public final String number;

  /** Fen: the original's total; 0 for a verification. */
  public final long total;

  /** What is asked. */
  public final Request request;

  /** The patient's code, of a pay; erase it when the request is written. */
  public final PaymentCode code;

  /** The absolute end of the platform's order, of a pay: Unix seconds in the platform's time. */
  public final long expiresAt;

  /** The refund's own platform number, or empty. */
  public final String refundNumber;

  /** Fen to give back, of a refund and its query. */
  public final long amount;

  /**
   * The boot-clock instant from which no byte may be written: the clock is read again when the
   * connection stands (PAY-5). {@code Long.MAX_VALUE} for what moves nothing.
   */
  public final long notAfter;

  /** From the first byte to the end of the connection, at most, in milliseconds. */
  public final long httpMs;

  /** Until the connection stands, at most, in milliseconds. */
  public final long connectMs;

  Ask(
      long id,
      Merchant merchant,
      String number,
      long total,
      What what,
      long notAfter,
      Waits waits) {
    this.id = id;
    this.merchant = merchant;
    this.number = number;
    this.total = total;
    this.request = what.request;
    this.code = what.code;
    this.expiresAt = what.expiresAt;
    this.refundNumber = what.refundNumber;
    this.amount = what.amount;
    this.notAfter = notAfter;
    this.httpMs = waits.http;
    this.connectMs = waits.connect;
  }

  /** A request and what belongs to it. */
  static final class What {
    final Request request;
    final PaymentCode code;
    final long expiresAt;
    final String refundNumber;
    final long amount;

    private What(
        Request request, PaymentCode code, long expiresAt, String refundNumber, long amount) {
      this.request = request;
      this.code = code;
      this.expiresAt = expiresAt;
      this.refundNumber = refundNumber;
      this.amount = amount;
    }

    static What of(Request request) {
      return new What(request, null, 0, "", 0);
    }

    static What pay(PaymentCode code, long expiresAt) {
      return new What(Request.PAY, code, expiresAt, "", 0);
    }

    static What refund(Request request, String refundNumber, long amount) {
      return new What(request, null, 0, refundNumber, amount);
    }
  }
}
