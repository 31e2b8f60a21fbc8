package hispos.client;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Transcript and key schedule of one exchange (key exchange, sections "Transcript" and "Key
 * schedule"). The secrets have their names in the chapter; each step needs the transcript up to its
 * place.
 */
final class KeySchedule {
  private static final byte[] ZERO = new byte[32];

  /** What was said, in eight elements (KEX-17). */
  private byte[] said;

  /** Number n is THn; number 0 is T0 itself. */
  private final List<byte[]> hashes = new ArrayList<>();

  private final Map<String, byte[]> secrets = new HashMap<>();

  /** Begins at both ends when M1 is known. */
  KeySchedule(byte[] agreementHash, byte[] m1) {
    byte[] prologue =
        Bytes.concat(
            Labels.PROTOCOL.bytes(),
            new byte[2],
            Bytes.number(agreementHash.length, 2),
            agreementHash);
    said = Bytes.concat(Bytes.number(prologue.length, 1), prologue);
    hashes.add(said);
    add(m1);
  }

  /** HKDF-Extract. */
  static byte[] extract(byte[] salt, byte[] keyMaterial) {
    return Hashes.hmac(salt, keyMaterial);
  }

  /** What HKDF-Expand gets for a label. */
  static byte[] labelInfo(byte[] label, byte[] context, int length) {
    byte[] prefix = Labels.LABEL_PREFIX.bytes();
    return Bytes.concat(
        Bytes.number(length, 2),
        Bytes.number(prefix.length + label.length, 1),
        prefix,
        label,
        Bytes.number(context.length, 1),
        context);
  }

  /** HKDF-Expand with a label; the length is at most 32. */
  static byte[] expandLabel(byte[] secret, byte[] label, byte[] context, int length) {
    byte[] info = Bytes.concat(labelInfo(label, context, length), new byte[] {1});
    return Bytes.part(Hashes.hmac(secret, info), 0, length);
  }

  static byte[] expandLabel(byte[] secret, Labels label, byte[] context, int length) {
    return expandLabel(secret, label.bytes(), context, length);
  }

  /** Takes the next element as it travelled, and gives the hash of all. */
  byte[] add(byte[] element) {
    said =
        Bytes.concat(
            said, Bytes.number(hashes.size(), 1), Bytes.number(element.length, 4), element);
    hashes.add(Hashes.sha256(said));
    return hashes.get(hashes.size() - 1);
  }

  byte[] hash(int number) {
    return hashes.get(number);
  }

  byte[] secret(String name) {
    return secrets.get(name);
  }

  private void derive(String name, String from, Labels label, byte[] context, int length) {
    secrets.put(name, expandLabel(secrets.get(from), label, context, length));
  }

  /** TH2 and the secrets of the handshake. */
  void hello(byte[] hello, byte[] shared) {
    byte[] th2 = add(hello);
    secrets.put("ss", shared);
    secrets.put("prk1", extract(ZERO, shared));
    derive("hs_p", "prk1", Labels.HANDSHAKE_POS, th2, 32);
    derive("key_p", "hs_p", Labels.KEY, Bytes.NONE, 32);
    derive("iv_p", "hs_p", Labels.IV, Bytes.NONE, 12);
    derive("fin_p", "hs_p", Labels.FINISHED, Bytes.NONE, 32);
    derive("hs_h", "prk1", Labels.HANDSHAKE_HIS, th2, 32);
    derive("key_h", "hs_h", Labels.KEY, Bytes.NONE, 32);
    derive("iv_h", "hs_h", Labels.IV, Bytes.NONE, 12);
  }

  /** What confirms the POS: behind TH4. */
  byte[] confirmPos() {
    return Hashes.hmac(secrets.get("fin_p"), hashes.get(4));
  }

  /** The second extraction: behind TH5. */
  void second() {
    byte[] th5 = hashes.get(5);
    byte[] salt = expandLabel(secrets.get("prk1"), Labels.DERIVED, th5, 32);
    secrets.put("prk2", extract(salt, ZERO));
    derive("fin_h", "prk2", Labels.FINISHED_HIS, th5, 32);
  }

  /** What confirms the HIS: behind TH7. */
  byte[] confirmHis() {
    return Hashes.hmac(secrets.get("fin_h"), hashes.get(7));
  }

  /** The secrets of the records and their tag: behind TH8. */
  void application() {
    byte[] th8 = hashes.get(8);
    derive("ap_h", "prk2", Labels.APPLICATION_HIS, th8, 32);
    derive("ap_p", "prk2", Labels.APPLICATION_POS, th8, 32);
    derive("tag", "prk2", Labels.TAG, th8, 1);
  }

  /** Overwrites every secret (KEX-20, KEX-21). */
  void erase() {
    for (byte[] secret : secrets.values()) {
      Arrays.fill(secret, (byte) 0);
    }
    secrets.clear();
  }
}
