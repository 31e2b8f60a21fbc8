package hispos.client;

import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.macs.HMac;
import org.bouncycastle.crypto.params.KeyParameter;

/** SHA-256 and HMAC. */
public final class Hashes {
  private Hashes() {}

  /** SHA-256 over all parts, one behind the other. */
  public static byte[] sha256(byte[]... parts) {
    SHA256Digest digest = new SHA256Digest();
    for (byte[] part : parts) {
      digest.update(part, 0, part.length);
    }
    byte[] hash = new byte[32];
    digest.doFinal(hash, 0);
    return hash;
  }

  /** HMAC with SHA-256. */
  public static byte[] hmac(byte[] key, byte[] data) {
    HMac mac = new HMac(new SHA256Digest());
    mac.init(new KeyParameter(key));
    mac.update(data, 0, data.length);
    byte[] hash = new byte[32];
    mac.doFinal(hash, 0);
    return hash;
  }

  /** Compares in constant time (KEX-19). */
  public static boolean isEqual(byte[] one, byte[] other) {
    return org.bouncycastle.util.Arrays.constantTimeAreEqual(one, other);
  }
}
