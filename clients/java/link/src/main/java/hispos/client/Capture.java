package hispos.client;

/** Money that a platform took. */
public final class Capture {
  /** The platform's own number, at most 64 visible ASCII characters. */
  public final String paymentNo;

  /** Fen. */
  public final long amount;

  /** The platform's time; 0: not told. */
  public final long capturedAt;

  /** All of it. */
  public Capture(String paymentNo, long amount, long capturedAt) {
    this.paymentNo = paymentNo;
    this.amount = amount;
    this.capturedAt = capturedAt;
  }
}
