package hispos.client;

import java.util.Arrays;

/** What an exchange leaves: secrets and tag of the records, and who the peer is. */
final class Keys {
  final byte[] apHis;
  final byte[] apPos;
  final int tag;
  final String peer;
  final byte[] agreementHash;

  Keys(KeySchedule schedule, String peer, byte[] agreementHash) {
    schedule.application();
    this.apHis = schedule.secret("ap_h").clone();
    this.apPos = schedule.secret("ap_p").clone();
    this.tag = schedule.secret("tag")[0] & 0xFF;
    this.peer = peer;
    this.agreementHash = agreementHash;
  }

  byte[] of(Side side) {
    return side == Side.HIS ? apHis : apPos;
  }

  /** Overwrites the secrets. */
  void erase() {
    Arrays.fill(apHis, (byte) 0);
    Arrays.fill(apPos, (byte) 0);
  }
}
