package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import hispos.client.messages.AlertCode;
import hispos.client.messages.Auth;
import hispos.client.messages.Extension;
import hispos.client.messages.Identity;
import java.util.List;

/** How each end proves who it is, and what both check alike. */
final class Authentication {
  /** The key exchange group of the suite. */
  static final int GROUP = 1;

  /** The length of a share of that group. */
  static final int SHARE_BYTES = 32;

  private Authentication() {}

  /** The own Auth: an end's identity, signature and confirmation, each taken into the transcript. */
  static byte[] own(End end, KeySchedule schedule, Side side) {
    byte[] identity = end.identity();
    byte[] signature = end.sign(context(side), schedule.add(identity));
    schedule.add(signature);
    byte[] confirm = confirm(schedule, side);
    schedule.add(confirm);
    return Auth.newBuilder()
        .setIdentity(Bytes.field(identity))
        .setSignature(Bytes.field(signature))
        .setConfirm(Bytes.field(confirm))
        .build()
        .toByteArray();
  }

  /** Checks the peer's Auth in the order of KEX-55 to KEX-60, and gives its id. */
  static String check(End end, KeySchedule schedule, byte[] opened, Side peer, String bound)
      throws Alerted {
    Auth auth;
    Identity identity;
    try {
      Canonical.validate("Auth", opened);
      auth = Bytes.parsed(Auth.parser(), opened);
      Canonical.validate("Identity", Bytes.of(auth.getIdentity()));
      identity = Bytes.parsed(Identity.parser(), auth.getIdentity());
    } catch (NotCanonical error) {
      throw failed("Auth: " + error.getMessage());
    }
    String id = new String(Bytes.of(identity.getId()), US_ASCII);
    byte[] key = Bytes.of(identity.getPublicKey());
    byte[] known = end.registry.key(id);
    if (known == null || !Hashes.isEqual(known, key)) {
      throw failed("not in the registry");
    }
    if (id.equals(end.id) || Hashes.isEqual(key, end.publicKey)) {
      throw failed("our own identity");
    }
    if (bound != null && !id.equals(bound)) {
      throw failed("not the device of this desk");
    }
    byte[] signed = Signatures.message(context(peer), schedule.add(Bytes.of(auth.getIdentity())));
    if (!end.crypto.verify(key, signed, Bytes.of(auth.getSignature()))) {
      throw failed("the signature");
    }
    schedule.add(Bytes.of(auth.getSignature()));
    if (!Hashes.isEqual(Bytes.of(auth.getConfirm()), confirm(schedule, peer))) {
      throw failed("the confirmation");
    }
    schedule.add(Bytes.of(auth.getConfirm()));
    return id;
  }

  private static Labels context(Side side) {
    return side == Side.HIS ? Labels.AUTH_HIS : Labels.AUTH_POS;
  }

  private static byte[] confirm(KeySchedule schedule, Side side) {
    return side == Side.HIS ? schedule.confirmHis() : schedule.confirmPos();
  }

  private static Alerted failed(String why) {
    return new Alerted(AlertCode.ALERT_CODE_HANDSHAKE_FAILURE, why);
  }

  /** Whether the ids of extensions ascend. */
  static boolean ascend(List<Extension> extensions) {
    for (int place = 1; place < extensions.size(); place++) {
      long before = extensions.get(place - 1).getId() & 0xFFFFFFFFL;
      if (before >= (extensions.get(place).getId() & 0xFFFFFFFFL)) {
        return false;
      }
    }
    return true;
  }
}
