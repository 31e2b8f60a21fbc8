package hispos.client;

/** A book that is not what it was (BOK-47). */
public final class Broken extends Exception {
  private static final long serialVersionUID = 1L;

  /** The first record that fails. */
  public final long seq;

  /** {@code not canonical}, {@code sequence number}, {@code head} or {@code no BookStart}. */
  public final String reason;

  Broken(long seq, String reason) {
    super("record " + seq + ": " + reason);
    this.seq = seq;
    this.reason = reason;
  }
}
