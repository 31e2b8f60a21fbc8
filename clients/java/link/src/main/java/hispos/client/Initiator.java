package hispos.client;

import hispos.client.messages.Extension;
import hispos.client.messages.HisHello;
import hispos.client.messages.KeyShare;
import hispos.client.messages.PosHello;
import hispos.client.messages.PosReply;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** The HIS in one attempt of the key exchange, without time: M1, M2, M3 (key exchange). */
final class Initiator {
  private final End end;
  private final String device;
  private final byte[] agreementHash;
  private final byte[] nonce;
  private final byte[] privateKey;
  private byte[] m1;
  private KeySchedule schedule;

  /**
   * Draws a nonce and a private key (KEX-8).
   *
   * @param device the one that is bound to the desk (KEX-58)
   */
  Initiator(End end, String device, byte[] agreementHash, Draw draw) {
    this.end = end;
    this.device = device;
    this.agreementHash = agreementHash;
    this.nonce = draw.draw(16);
    this.privateKey = draw.draw(32);
    offer(
        Collections.singletonList(
            KeyShare.newBuilder()
                .setGroup(Authentication.GROUP)
                .setKey(Bytes.field(end.crypto.x25519Public(privateKey)))
                .build()),
        Collections.<Extension>emptyList());
  }

  /** Makes M1 with other shares and extensions than version 1 has. */
  void offer(List<KeyShare> shares, List<Extension> extensions) {
    byte[] hello =
        HisHello.newBuilder()
            .addAllVersions(end.versions)
            .addAllSuites(end.suites)
            .setNonce(Bytes.field(nonce))
            .addAllShares(shares)
            .setAgreement(Bytes.field(Bytes.part(agreementHash, 0, 8)))
            .addAllExtensions(extensions)
            .build()
            .toByteArray();
    m1 = Bytes.concat(Labels.M1_MAGIC.bytes(), hello);
  }

  byte[] m1() {
    return m1;
  }

  /** That of the latest M2 that was taken. */
  KeySchedule schedule() {
    return schedule;
  }

  /** What an M2 gives. */
  static final class Taken {
    final byte[] m3;
    final Keys keys;

    Taken(byte[] m3, Keys keys) {
      this.m3 = m3;
      this.keys = keys;
    }
  }

  /** Takes the steps of "Receiving M2" behind KEX-40. An alert goes out if no M3 is (KEX-46). */
  Taken takeM2(byte[] body) throws Dropped, Alerted {
    PosReply reply = open(body);
    PosHello hello = Bytes.parsed(PosHello.parser(), reply.getHello());
    byte[] shared = end.crypto.x25519(privateKey, Bytes.of(hello.getShare()));
    if (shared == null) {
      throw dropped("a shared secret of zero");
    }
    KeySchedule made = new KeySchedule(agreementHash, m1);
    made.hello(Bytes.of(reply.getHello()), shared);
    byte[] opened =
        end.crypto.open(
            made.secret("key_p"), made.secret("iv_p"), made.hash(2), Bytes.of(reply.getSealed()));
    if (opened == null) {
      throw new Dropped("handshake", "M2 does not open", true);
    }
    String peer = Authentication.check(end, made, opened, Side.POS, device);
    made.second();
    byte[] auth = Authentication.own(end, made, Side.HIS);
    byte[] m3 = end.crypto.seal(made.secret("key_h"), made.secret("iv_h"), made.hash(5), auth);
    schedule = made;
    return new Taken(m3, new Keys(made, peer, agreementHash));
  }

  private PosReply open(byte[] body) throws Dropped {
    if (body.length > Limits.M1_BYTES_MAX) {
      throw dropped("M2 is too long");
    }
    PosReply reply;
    try {
      Canonical.validate("PosReply", body);
      reply = Bytes.parsed(PosReply.parser(), body);
      Canonical.validate("PosHello", Bytes.of(reply.getHello()));
    } catch (NotCanonical error) {
      throw dropped("M2: " + error.getMessage());
    }
    PosHello hello = Bytes.parsed(PosHello.parser(), reply.getHello());
    if (!Authentication.ascend(hello.getExtensionsList())) {
      throw dropped("extensions do not ascend");
    }
    boolean isOffered =
        end.versions.contains(hello.getVersion()) && end.suites.contains(hello.getSuite());
    if (!isOffered || hello.getSuite() != End.SUITE) {
      throw dropped("a version or suite that M1 did not offer");
    }
    if (hello.getShare().size() != Authentication.SHARE_BYTES) {
      throw dropped("a share of another length");
    }
    return reply;
  }

  private static Dropped dropped(String why) {
    return new Dropped("handshake", why);
  }

  /** Overwrites what must not outlive the attempt (KEX-20). */
  void erase() {
    Arrays.fill(privateKey, (byte) 0);
    if (schedule != null) {
      schedule.erase();
      schedule = null;
    }
  }
}
