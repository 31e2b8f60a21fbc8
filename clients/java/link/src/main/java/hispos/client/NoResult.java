package hispos.client;

/** Bytes that are no result. */
public final class NoResult extends Exception {
  private static final long serialVersionUID = 1L;

  /** The requirement that they break: ENC-2 or one of ORD-42 to ORD-45. */
  public final String requirement;

  NoResult(String requirement) {
    super("no result (" + requirement + ")");
    this.requirement = requirement;
  }
}
