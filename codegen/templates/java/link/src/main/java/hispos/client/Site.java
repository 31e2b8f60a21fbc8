package hispos.client;

import hispos.client.messages.Agreement;
import hispos.client.messages.Device;
import hispos.client.messages.DeviceManifest;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** What a ledger has to know of its site. */
public final class Site {
  final Agreement agreement;
  private final Map<String, Device> devices = new LinkedHashMap<>();
  private final byte[] secret;

  /**
   * The site under its newest agreement.
   *
   * @param secret the site secret of derived order numbers, 32 bytes (ORD-22)
   */
  public Site(Agreement agreement, DeviceManifest devices, byte[] secret) {
    this.agreement = agreement;
    this.secret = secret.clone();
    for (Device device : devices.getDevicesList()) {
      this.devices.put(device.getDeviceId(), device);
    }
  }

  byte[] secret() {
    return secret;
  }

  String id() {
    return agreement.getSiteId();
  }

  String code() {
    return agreement.getSiteCode();
  }

  /** The largest lease, in milliseconds. */
  long fullLease() {
    return Agreements.fullLease(agreement);
  }

  /** Until no device acts on an order behind its lease, in milliseconds (ORD-215). */
  long quiet() {
    return agreement.getTimers().getQuiet() & 0xFFFFFFFFL;
  }

  /** Every device of the manifest. */
  Set<String> deviceIds() {
    return devices.keySet();
  }

  /** The registered key of a device, or null. */
  byte[] deviceKey(String deviceId) {
    Device device = devices.get(deviceId);
    return device == null ? null : Bytes.of(device.getPublicKey());
  }

  /** Whether a device takes new orders. */
  boolean mayOrder(String deviceId) {
    Device device = devices.get(deviceId);
    return device != null && device.getRevocationValue() == 0;
  }

  /** Whether a compromised device's results count as evidence alone (ORD-190). */
  boolean isEvidenceOnly(String deviceId, long unix) {
    Device device = devices.get(deviceId);
    return device != null
        && device.getCompromisedSince() != 0
        && unix >= device.getCompromisedSince();
  }
}
