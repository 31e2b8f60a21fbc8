package hispos.client;

import hispos.client.messages.Agreement;
import hispos.client.messages.Device;
import hispos.client.messages.DeviceManifest;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a ledger has to know of its site: every agreement that was ever taken over, the newest
 * devices, and the secret of its order numbers.
 *
 * <p>A site never changes. Newer files make another one, for {@link HisLink#provision}.
 */
public final class Site {
  private final AgreementsHeld agreements;
  private final Map<String, Device> devices = new LinkedHashMap<>();
  private final Registry registry;
  private final byte[] secret;

  /**
   * A site.
   *
   * @param agreements all that were ever taken over, the newest first (PRV-30)
   * @param devices the manifest under the newest agreement
   * @param secret the site secret of derived order numbers, 32 bytes (ORD-22)
   * @throws IllegalArgumentException if there is no agreement, or they are not of one site in
   *     falling order of their numbers
   */
  public Site(List<Agreements.Signed> agreements, DeviceManifest devices, byte[] secret) {
    this.agreements = new AgreementsHeld(agreements);
    this.secret = secret.clone();
    this.registry = Manifests.registry(devices);
    for (Device device : devices.getDevicesList()) {
      this.devices.put(device.getDeviceId(), device);
    }
  }

  /** Whether it still holds everything that another one holds (PRV-30). */
  boolean holdsAllOf(Site other) {
    return agreements.holdsAllOf(other.agreements) && Arrays.equals(secret, other.secret);
  }

  byte[] secret() {
    return secret;
  }

  /** The newest agreement. */
  Agreement newest() {
    return agreements.newest();
  }

  String id() {
    return newest().getSiteId();
  }

  /** The agreement of a number; the newest one for a number that was never held. */
  Agreement numbered(int agreementNo) {
    Agreement found = agreements.numbered(agreementNo);
    return found == null ? newest() : found;
  }

  /** What key exchanges need of the serving agreements, the newest first. */
  List<Terms> serving() {
    return agreements.terms();
  }

  /** The serving agreement with a hash, or null. */
  Agreement serving(byte[] hash) {
    return agreements.serving(hash);
  }

  /** The largest lease of all agreements, in milliseconds. */
  long fullLease() {
    return agreements.fullLease();
  }

  /** The largest T_QUIET of all agreements, in milliseconds (ORD-215). */
  long quiet() {
    return agreements.quiet();
  }

  /** Every device of the manifest. */
  Set<String> deviceIds() {
    return Collections.unmodifiableSet(devices.keySet());
  }

  /** The devices' keys, for key exchanges. */
  Registry registry() {
    return registry;
  }

  /** The registered key of a device, or null. */
  byte[] deviceKey(String deviceId) {
    Device device = devices.get(deviceId);
    return device == null ? null : Bytes.of(device.getPublicKey());
  }

  /** Whether a device takes new orders: it is registered and not revoked. */
  boolean mayOrder(String deviceId) {
    Device device = devices.get(deviceId);
    return device != null && device.getRevocationValue() == 0;
  }

  /**
   * Whether a compromised device's results count as evidence alone (ORD-190).
   *
   * @param unix the ledger's calendar clock in seconds, 0 without one
   */
  boolean isEvidenceOnly(String deviceId, long unix) {
    Device device = devices.get(deviceId);
    return device != null
        && device.getCompromisedSince() != 0
        && (unix == 0 || Long.compareUnsigned(unix, device.getCompromisedSince()) >= 0);
  }
}
