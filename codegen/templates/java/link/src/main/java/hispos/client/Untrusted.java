package hispos.client;

/** An answer that is not one to the question: it proves nothing (PAY-13). */
public final class Untrusted extends Exception {
  private static final long serialVersionUID = 1L;

  /** What differs: {@code number}, {@code refund}, {@code merchant}, {@code total}, … */
  public final String what;

  /** An answer whose part differs, or has another type than it should (PAY-15). */
  public Untrusted(String what) {
    super("an answer to something else: " + what);
    this.what = what;
  }
}
