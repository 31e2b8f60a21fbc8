package hispos.client;

/** A platform gave no answer that proves anything. */
public final class NoAnswer extends Exception {
  private static final long serialVersionUID = 1L;

  /** The instant of the first byte written, or null. */
  final Long firstByte;

  /**
   * What is known.
   *
   * @param firstByte the boot-clock instant of the first byte written; null only if it is certain
   *     that none was handed to the network (PAY-12)
   */
  public NoAnswer(Long firstByte, String why) {
    super(why);
    this.firstByte = firstByte;
  }
}
