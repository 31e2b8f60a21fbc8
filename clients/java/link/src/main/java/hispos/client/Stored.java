package hispos.client;

/** A record's bytes as they were first written, and the head behind it. */
public final class Stored {
  /** The record. */
  public final byte[] record;

  /** The head. */
  public final byte[] head;

  /** Both. */
  public Stored(byte[] record, byte[] head) {
    this.record = record;
    this.head = head;
  }
}
