package hispos.client;

/** Bytes that are not the one encoding of a strict message (ENC-5). */
public final class NotCanonical extends Exception {
  private static final long serialVersionUID = 1L;

  /** The step that fails: 1 to 10. */
  public final int step;

  NotCanonical(int step) {
    super("not canonical: step " + step + ": " + Texts.reasonEn(step));
    this.step = step;
  }
}
