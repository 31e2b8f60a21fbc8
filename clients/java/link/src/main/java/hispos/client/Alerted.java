package hispos.client;

import hispos.client.messages.AlertCode;

/** A message of the key exchange that a plain alert answers. What it says is for the local log. */
final class Alerted extends Exception {
  private static final long serialVersionUID = 1L;

  /** The alert. */
  final AlertCode code;

  Alerted(AlertCode code, String why) {
    super(why);
    this.code = code;
  }
}
