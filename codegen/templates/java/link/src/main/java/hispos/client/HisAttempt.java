package hispos.client;

import java.util.HashSet;
import java.util.Set;

/** What a HIS remembers of one key exchange, from its M1 until it switches or gives up. */
final class HisAttempt {
  private static final long[] GAPS = {
    Timers.HANDSHAKE_REPEAT_1,
    Timers.HANDSHAKE_REPEAT_2,
    Timers.HANDSHAKE_REPEAT_3,
    Timers.HANDSHAKE_REPEAT_4
  };

  final Terms terms;
  final Initiator initiator;
  final long started;
  byte[] m1Checksum = Bytes.NONE;
  final Repeat m1Repeat;
  final Set<String> accepted = new HashSet<>();
  int unopened;
  byte[] m3;
  byte[] m3Checksum = Bytes.NONE;
  long m3At;
  Repeat m3Repeat;
  Live coming;

  HisAttempt(Terms terms, Initiator initiator, long now) {
    this.terms = terms;
    this.initiator = initiator;
    this.started = now;
    this.m1Repeat = new Repeat(now);
  }

  /** Gaps of 1, 2, 4 and then always 5 s (KEX-72, KEX-74). */
  static final class Repeat {
    private int gaps;
    long due;

    Repeat(long now) {
      due = now + GAPS[0];
    }

    void next(long now) {
      gaps = Math.min(gaps + 1, GAPS.length - 1);
      due = now + GAPS[gaps];
    }
  }
}
