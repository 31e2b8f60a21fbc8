package hispos.client;

/** An end of the link. */
public enum Side {
  /** The hospital information system. */
  HIS,
  /** The payment terminal. */
  POS;

  /** Whether this end sends frames of a type. */
  boolean sends(int kind) {
    switch (kind) {
      case Frame.PLAIN_ALERT:
        return true;
      case Frame.M1:
      case Frame.M3:
      case Frame.RECORD_HIS:
        return this == HIS;
      case Frame.M2:
      case Frame.RECORD_POS:
        return this == POS;
      default:
        return false;
    }
  }

  /** The type of this end's records. */
  int record() {
    return this == HIS ? Frame.RECORD_HIS : Frame.RECORD_POS;
  }

  /** The other end. */
  Side other() {
    return this == HIS ? POS : HIS;
  }
}
