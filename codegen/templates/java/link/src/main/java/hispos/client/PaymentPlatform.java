package hispos.client;

import java.util.Map;

/**
 * A vendor's own payment code for one merchant: an answer in, nothing decided.
 *
 * <p>Each call writes one request on a connection of its own, at most once (PAY-3, PAY-4), reads the
 * boot clock when the connection stands and writes no byte at or after {@code ask.notAfter} (PAY-5),
 * and gives up after {@code connectMs} and {@code httpMs} (PAY-6, PAY-7). What an answer proves, and
 * what is asked next, is not decided here.
 */
public interface PaymentPlatform {
  /** A trusted answer: signed by the platform, and bound to this request. */
  final class Answer {
    final Map<String, ?> parts;
    final long date;
    final long firstByte;

    /**
     * An answer.
     *
     * @param parts as {@link Reply} takes them
     * @param date the platform's own clock in the answer, in Unix seconds; 0: not told
     * @param firstByte the boot-clock instant of the first byte written
     */
    public Answer(Map<String, ?> parts, long date, long firstByte) {
      this.parts = parts;
      this.date = date;
      this.firstByte = firstByte;
    }
  }

  /** The merchant. */
  Merchant merchant();

  /** The dialect of the answers. */
  Answers.Profile profile();

  /** Are the credentials right, also those of reverses and refunds (PAY-34)? */
  Answer verify(Ask ask) throws NoAnswer;

  /** What became of {@code ask.number}? */
  Answer query(Ask ask) throws NoAnswer;

  /** Take {@code ask.total} with {@code ask.code}, until {@code ask.expiresAt}. */
  Answer pay(Ask ask) throws NoAnswer;

  /** Close {@code ask.number}, or give everything back. */
  Answer reverse(Ask ask) throws NoAnswer;

  /** Give {@code ask.amount} of the original back, under {@code ask.refundNumber}. */
  Answer refund(Ask ask) throws NoAnswer;

  /** What became of {@code ask.refundNumber}? */
  Answer queryRefund(Ask ask) throws NoAnswer;
}
