package hispos.client;

/** The answer to an {@link Ask}, as far as it proves something. Exactly one for each (PAY-10). */
public final class Verdict {
  final long id;
  final Proof proof;
  final String providerCode;
  final long date;
  final Long firstByte;
  final long ended;
  final boolean answered;

  /**
   * A verdict.
   *
   * @param id that of the question
   * @param providerCode at most 64 visible ASCII characters; may be empty
   * @param date the platform's own clock in a trusted answer, in Unix seconds; 0: not told
   * @param firstByte the boot-clock instant of the first byte written; null only if it is certain
   *     that none was handed to the network (PAY-12)
   * @param ended the boot-clock instant at which the connection had ended
   * @param answered whether a trusted answer came
   */
  public Verdict(
      long id,
      Proof proof,
      String providerCode,
      long date,
      Long firstByte,
      long ended,
      boolean answered) {
    this.id = id;
    this.proof = proof;
    this.providerCode = providerCode;
    this.date = date;
    this.firstByte = firstByte;
    this.ended = ended;
    this.answered = answered;
  }
}
