package hispos.client;

import hispos.client.messages.RejectCode;

/** Bytes that are no order. */
public final class Malformed extends Exception {
  private static final long serialVersionUID = 1L;

  /** The code of Rejected: 501 or 504. */
  public final RejectCode code;

  Malformed(RejectCode code, String why) {
    super(why);
    this.code = code;
  }
}
