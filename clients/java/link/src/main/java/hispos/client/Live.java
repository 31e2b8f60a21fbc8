package hispos.client;

/** A keyed association: it seals, opens, and counts what is forged (records). */
final class Live {
  final Keys keys;
  final int kind;
  final Records.Sealer sealer;
  final Records.Opener opener;

  /** When it was made live. */
  long since;

  /** The zero of session time. */
  long zero;

  /** When the latest record opened. */
  long openedAt;

  private int forged;

  Live(Crypto crypto, Keys keys, Side own) {
    this.keys = keys;
    this.kind = own.record();
    this.sealer = new Records.Sealer(crypto, kind, keys.tag, keys.of(own));
    this.opener =
        new Records.Opener(crypto, own.other().record(), keys.tag, keys.of(own.other()));
  }

  /** The plaintext of a record. */
  byte[] open(byte[] body, long now) throws Dropped {
    byte[] plaintext;
    try {
      plaintext = opener.open(body);
    } catch (Dropped drop) {
      if (drop.name.equals("forged") && now >= since + Timers.FORGED_GRACE) {
        forged++;
      }
      throw drop;
    }
    forged = 0;
    openedAt = now;
    return plaintext;
  }

  /** Whether REC-19 ends the session. */
  boolean hasTooManyForged() {
    return forged >= Limits.FORGED_IN_A_ROW_MAX;
  }

  void erase() {
    sealer.erase();
    opener.erase();
    keys.erase();
  }
}
