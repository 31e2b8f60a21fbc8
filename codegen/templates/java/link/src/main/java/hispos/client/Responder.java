package hispos.client;

import hispos.client.messages.AlertCode;
import hispos.client.messages.Extension;
import hispos.client.messages.HisHello;
import hispos.client.messages.KeyShare;
import hispos.client.messages.PosHello;
import hispos.client.messages.PosReply;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The POS with one candidate of the key exchange, without time (key exchange). */
final class Responder {
  private End end;
  private final List<Terms> agreements;
  private final Draw draw;
  private byte[] agreementHash = Bytes.NONE;
  private KeySchedule schedule;

  /**
   * A responder that has taken nothing yet.
   *
   * @param agreements the serving ones (KEX-1)
   */
  Responder(End end, List<Terms> agreements, Draw draw) {
    this.end = end;
    this.agreements = agreements;
    this.draw = draw;
  }

  /** Whom M3 is checked against from now on. */
  void provision(End newer) {
    end = newer;
  }

  /** That of the candidate. */
  KeySchedule schedule() {
    return schedule;
  }

  /**
   * Takes the steps of "Receiving M1" that need no time, and gives M2.
   *
   * @param admits whether a candidate more is allowed now (KEX-32)
   */
  byte[] takeM1(byte[] body, boolean admits) throws Dropped, Alerted {
    return takeM1(body, admits, Collections.<Extension>emptyList());
  }

  byte[] takeM1(byte[] body, boolean admits, List<Extension> extensions) throws Dropped, Alerted {
    HisHello hello = open(body);
    Terms terms = terms(Bytes.of(hello.getAgreement()));
    End under = end.under(terms);
    int version = 0;
    for (int offered : hello.getVersionsList()) {
      if (under.versions.contains(offered) && Integer.compareUnsigned(offered, version) > 0) {
        version = offered;
      }
    }
    if (version == 0) {
      throw new Alerted(AlertCode.ALERT_CODE_VERSION, "no common version");
    }
    if (!hello.getSuitesList().contains(End.SUITE) || !under.suites.contains(End.SUITE)) {
      throw new Alerted(AlertCode.ALERT_CODE_SUITE, "no common suite");
    }
    if (!admits) {
      throw new Dropped("handshake", "too many candidates");
    }
    byte[] share = share(hello.getSharesList());
    // A share of zero is refused before the nonce is of any use: the draws keep their order (KEX-9).
    byte[] nonce = draw.draw(16);
    byte[] privateKey = draw.draw(32);
    byte[] shared = end.crypto.x25519(privateKey, share);
    if (shared == null) {
      throw new Alerted(AlertCode.ALERT_CODE_ILLEGAL_PARAMETER, "a shared secret of zero");
    }
    byte[] answer =
        PosHello.newBuilder()
            .setVersion(version)
            .setSuite(End.SUITE)
            .setNonce(Bytes.field(nonce))
            .setShare(Bytes.field(end.crypto.x25519Public(privateKey)))
            .addAllExtensions(extensions)
            .build()
            .toByteArray();
    Arrays.fill(privateKey, (byte) 0);
    return reply(terms.hash, body, answer, shared);
  }

  private Terms terms(byte[] name) throws Alerted {
    for (Terms terms : agreements) {
      if (Arrays.equals(Bytes.part(terms.hash, 0, 8), name)) {
        return terms;
      }
    }
    throw new Alerted(AlertCode.ALERT_CODE_AGREEMENT, "the agreement is not held");
  }

  private byte[] reply(byte[] agreement, byte[] m1, byte[] hello, byte[] shared) {
    KeySchedule made = new KeySchedule(agreement, m1);
    made.hello(hello, shared);
    byte[] auth = Authentication.own(end, made, Side.POS);
    byte[] sealed = end.crypto.seal(made.secret("key_p"), made.secret("iv_p"), made.hash(2), auth);
    made.second();
    schedule = made;
    agreementHash = agreement;
    return PosReply.newBuilder()
        .setHello(Bytes.field(hello))
        .setSealed(Bytes.field(sealed))
        .build()
        .toByteArray();
  }

  private static HisHello open(byte[] body) throws Alerted {
    byte[] magic = Labels.M1_MAGIC.bytes();
    boolean hasMagic =
        body.length >= magic.length && Arrays.equals(Bytes.part(body, 0, magic.length), magic);
    if (body.length > Limits.M1_BYTES_MAX || !hasMagic) {
      throw undecodable("size or magic");
    }
    byte[] rest = Bytes.part(body, magic.length, body.length);
    try {
      Canonical.validate("HisHello", rest);
    } catch (NotCanonical error) {
      throw undecodable("M1: " + error.getMessage());
    }
    HisHello hello = Bytes.parsed(HisHello.parser(), rest);
    Set<Integer> groups = new HashSet<>();
    for (KeyShare share : hello.getSharesList()) {
      if (!groups.add(share.getGroup())) {
        throw undecodable("shares of one group");
      }
    }
    if (!Authentication.ascend(hello.getExtensionsList())) {
      throw undecodable("extensions that do not ascend");
    }
    return hello;
  }

  private static Alerted undecodable(String why) {
    return new Alerted(AlertCode.ALERT_CODE_DECODE_ERROR, why);
  }

  private static byte[] share(List<KeyShare> shares) throws Alerted {
    for (KeyShare share : shares) {
      if (share.getGroup() == Authentication.GROUP) {
        if (share.getKey().size() != Authentication.SHARE_BYTES) {
          throw new Alerted(AlertCode.ALERT_CODE_ILLEGAL_PARAMETER, "a share of another length");
        }
        return Bytes.of(share.getKey());
      }
    }
    throw new Alerted(AlertCode.ALERT_CODE_ILLEGAL_PARAMETER, "no share for a common suite");
  }

  /** Takes the steps of "Receiving M3" behind KEX-51. Behind an alert of 40 the candidate is gone. */
  Keys takeM3(byte[] body) throws Dropped, Alerted {
    if (body.length > Limits.M3_BYTES_MAX) {
      throw new Dropped("handshake", "M3 is too long");
    }
    KeySchedule made = schedule;
    if (made == null) {
      throw new Alerted(AlertCode.ALERT_CODE_NO_HANDSHAKE, "no candidate");
    }
    byte[] opened =
        end.crypto.open(made.secret("key_h"), made.secret("iv_h"), made.hash(5), body);
    if (opened == null) {
      throw new Dropped("handshake", "M3 does not open", true);
    }
    schedule = null;
    String peer = Authentication.check(end, made, opened, Side.HIS, null);
    schedule = made;
    return new Keys(made, peer, agreementHash);
  }

  /** Overwrites the secrets of the candidate (KEX-21). */
  void erase() {
    if (schedule != null) {
      schedule.erase();
      schedule = null;
    }
  }
}
