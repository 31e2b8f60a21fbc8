package hispos.client;

import java.util.Arrays;

/** Records: one message each, sealed under the keys of an epoch (records). */
final class Records {
  private static final int EPOCH_BITS = 16;
  private static final long COUNTER_END = 0xFFFFFFFFL;
  private static final int HEADER_BYTES = 5;
  private static final int TAG_BYTES = 16;

  static final int BODY_BYTES_MIN = HEADER_BYTES + 1 + TAG_BYTES;
  static final int BODY_BYTES_MAX = HEADER_BYTES + Limits.PLAINTEXT_BYTES_MAX + TAG_BYTES;

  private Records() {}

  static boolean hasSize(byte[] body) {
    return body.length >= BODY_BYTES_MIN && body.length <= BODY_BYTES_MAX;
  }

  /** The nonce of a record (records, section "Nonce and additional data"). */
  static byte[] nonce(byte[] iv, long counter) {
    byte[] nonce = iv.clone();
    byte[] number = Bytes.number(counter, nonce.length);
    for (int place = 0; place < nonce.length; place++) {
      nonce[place] ^= number[place];
    }
    return nonce;
  }

  /** The additional data of a record. */
  static byte[] aad(int kind, int tag, long counter) {
    return Bytes.concat(new byte[] {(byte) kind, (byte) tag}, Bytes.number(counter, 4));
  }

  /** The keys of one epoch of one direction (records, section "Keys of an epoch"). */
  static final class Epoch {
    final int number;
    final byte[] secret;
    final byte[] key;
    final byte[] iv;

    Epoch(int number, byte[] secret) {
      this.number = number;
      this.secret = secret;
      this.key = KeySchedule.expandLabel(secret, Labels.KEY, Bytes.NONE, 32);
      this.iv = KeySchedule.expandLabel(secret, Labels.IV, Bytes.NONE, 12);
    }

    Epoch next() {
      return new Epoch(
          number + 1, KeySchedule.expandLabel(secret, Labels.UPDATE, Bytes.NONE, 32));
    }

    void erase() {
      Arrays.fill(secret, (byte) 0);
      Arrays.fill(key, (byte) 0);
    }
  }

  /** Seals the records of one direction of a session. */
  static final class Sealer {
    private final Crypto crypto;
    private final int kind;
    private final int tag;
    private Epoch epoch;

    /** The counter of the next record. */
    long counter;

    Sealer(Crypto crypto, int kind, int tag, byte[] secret) {
      this.crypto = crypto;
      this.kind = kind;
      this.tag = tag;
      this.epoch = new Epoch(0, secret.clone());
    }

    /** The body of the next record; null once the counters are used up (REC-3, REC-6). */
    byte[] seal(byte[] plaintext) {
      if (plaintext.length < 1 || plaintext.length > Limits.PLAINTEXT_BYTES_MAX) {
        throw new IllegalArgumentException("a plaintext of " + plaintext.length + " bytes");
      }
      if (counter >= COUNTER_END) {
        return null;
      }
      long number = counter++;
      while (epoch.number < number >>> EPOCH_BITS) {
        Epoch next = epoch.next();
        epoch.erase();
        epoch = next;
      }
      byte[] aad = aad(kind, tag, number);
      byte[] sealed = crypto.seal(epoch.key, nonce(epoch.iv, number), aad, plaintext);
      return Bytes.concat(Bytes.part(aad, 1, aad.length), sealed);
    }

    void erase() {
      epoch.erase();
    }
  }

  /** Opens the records of one direction of a session. */
  static final class Opener {
    private final Crypto crypto;
    private final int kind;
    private final int tag;
    private Epoch epoch;

    /** The counter of the last record that opened; -1 before the first. */
    long last = -1;

    Opener(Crypto crypto, int kind, int tag, byte[] secret) {
      this.crypto = crypto;
      this.kind = kind;
      this.tag = tag;
      this.epoch = new Epoch(0, secret.clone());
    }

    /** The plaintext (REC-11 to REC-18). If it is dropped, nothing has changed. */
    byte[] open(byte[] body) throws Dropped {
      if (!hasSize(body)) {
        throw new Dropped("size", "size");
      }
      if ((body[0] & 0xFF) != tag) {
        throw new Dropped("stale", "tag");
      }
      long counter = Bytes.number(body, 1, HEADER_BYTES - 1);
      if (counter <= last) {
        throw new Dropped("replayed", "counter");
      }
      long ahead = (counter >>> EPOCH_BITS) - epoch.number;
      if (ahead != 0 && ahead != 1) {
        throw new Dropped("forged", "epoch");
      }
      Epoch keys = ahead == 1 ? epoch.next() : epoch;
      byte[] sealed = Bytes.part(body, HEADER_BYTES, body.length);
      byte[] plaintext =
          crypto.open(keys.key, nonce(keys.iv, counter), aad(kind, tag, counter), sealed);
      if (plaintext == null) {
        throw new Dropped("forged", "it does not open");
      }
      if (ahead == 1) {
        epoch.erase();
        epoch = keys;
      }
      last = counter;
      return plaintext;
    }

    void erase() {
      epoch.erase();
    }
  }
}
