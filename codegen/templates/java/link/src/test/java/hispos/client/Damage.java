package hispos.client;

/** Every truncation, every flipped bit, and one byte more, of good bytes. */
final class Damage {
  private Damage() {}

  /** Takes damaged bytes; an exception that it lets out is one that nobody named. */
  interface Taker {
    void take(byte[] damaged) throws Exception;
  }

  /** Gives every damage to a taker, and how many there were. */
  static int of(byte[] good, Taker taker) {
    for (int length = 0; length < good.length; length++) {
      give(Bytes.part(good, 0, length), "the first " + length + " bytes", taker);
    }
    for (int bit = 0; bit < 8 * good.length; bit++) {
      give(flipped(good, bit), "bit " + bit % 8 + " of byte " + bit / 8, taker);
    }
    give(Bytes.concat(good, new byte[1]), "one byte more", taker);
    return 9 * good.length + 1;
  }

  static byte[] flipped(byte[] good, int bit) {
    byte[] flipped = good.clone();
    flipped[bit / 8] ^= (byte) (1 << bit % 8);
    return flipped;
  }

  private static void give(byte[] damaged, String which, Taker taker) {
    try {
      taker.take(damaged);
    } catch (Exception | AssertionError error) {
      throw new AssertionError(which + ": " + Bytes.hex(damaged) + ": " + error, error);
    }
  }
}
