package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.protobuf.ByteString;
import hispos.client.messages.Agreement;
import hispos.client.messages.Device;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.FileKind;
import hispos.client.messages.Revocation;
import hispos.client.messages.Terminal;
import hispos.client.messages.TerminalManifest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Manifests of devices and terminals: verified before anything of them is used (provisioning). */
public final class Manifests {
  private Manifests() {}

  /** A device or a terminal. */
  private static final class Entry {
    final String id;
    final ByteString key;
    final long from;
    final long until;
    final int revocation;
    final long since;

    Entry(Device device) {
      this.id = device.getDeviceId();
      this.key = device.getPublicKey();
      this.from = device.getValidFrom();
      this.until = device.getValidUntil();
      this.revocation = device.getRevocationValue();
      this.since = device.getCompromisedSince();
    }

    Entry(Terminal terminal) {
      this.id = terminal.getTerminalId();
      this.key = terminal.getPublicKey();
      this.from = terminal.getValidFrom();
      this.until = terminal.getValidUntil();
      this.revocation = terminal.getRevocationValue();
      this.since = terminal.getCompromisedSince();
    }
  }

  /** The devices under the newest agreement (PRV-33 to PRV-36). */
  public static DeviceManifest devices(Crypto crypto, byte[] data, Agreement agreement)
      throws FileRefused {
    FileKind kind = FileKind.FILE_KIND_DEVICE_MANIFEST;
    byte[] organisation = Bytes.of(agreement.getPosOrganisationKey());
    byte[] payload = verify(crypto, data, kind, organisation, agreement.getSiteId());
    return Bytes.parsed(DeviceManifest.parser(), payload);
  }

  /** The terminals under the newest agreement (PRV-33 to PRV-36). */
  public static TerminalManifest terminals(Crypto crypto, byte[] data, Agreement agreement)
      throws FileRefused {
    FileKind kind = FileKind.FILE_KIND_TERMINAL_MANIFEST;
    byte[] organisation = Bytes.of(agreement.getHisOrganisationKey());
    byte[] payload = verify(crypto, data, kind, organisation, agreement.getSiteId());
    return Bytes.parsed(TerminalManifest.parser(), payload);
  }

  /** The payload of a manifest under an organisation's key, of a site. */
  static byte[] verify(
      Crypto crypto, byte[] data, FileKind wanted, byte[] organisation, String siteId)
      throws FileRefused {
    SignedFiles.File file = SignedFiles.read(data, wanted);
    Set<ByteString> keys = new HashSet<>();
    String last = "";
    for (Entry entry : entries(wanted, file.payload)) {
      boolean ascends = Bytes.compare(last.getBytes(US_ASCII), entry.id.getBytes(US_ASCII)) < 0;
      if (!ascends || !keys.add(entry.key)) {
        throw new FileRefused("PRV-34", "ids that do not ascend, or a key that stands twice");
      }
      last = entry.id;
    }
    for (Entry entry : entries(wanted, file.payload)) {
      judge(entry);
    }
    boolean isOfSite = siteId(wanted, file.payload).equals(siteId);
    if (!isOfSite || !file.isSignedBy(crypto, organisation)) {
      throw new FileRefused("PRV-33", "not signed by the organisation, or of another site");
    }
    return file.payload;
  }

  private static void judge(Entry entry) throws FileRefused {
    if (!Signatures.isUsableKey(Bytes.of(entry.key))
        || Long.compareUnsigned(entry.from, entry.until) > 0) {
      throw new FileRefused("PRV-35", entry.id + ": key or dates");
    }
    boolean isCompromised = entry.revocation == Revocation.REVOCATION_COMPROMISED_VALUE;
    if (Revocation.forNumber(entry.revocation) == null || (entry.since != 0) != isCompromised) {
      throw new FileRefused("PRV-36", entry.id + ": revocation");
    }
  }

  private static List<Entry> entries(FileKind kind, byte[] payload) {
    List<Entry> found = new ArrayList<>();
    if (kind == FileKind.FILE_KIND_DEVICE_MANIFEST) {
      for (Device item : Bytes.parsed(DeviceManifest.parser(), payload).getDevicesList()) {
        found.add(new Entry(item));
      }
    } else {
      for (Terminal item : Bytes.parsed(TerminalManifest.parser(), payload).getTerminalsList()) {
        found.add(new Entry(item));
      }
    }
    return found;
  }

  private static String siteId(FileKind kind, byte[] payload) {
    return kind == FileKind.FILE_KIND_DEVICE_MANIFEST
        ? Bytes.parsed(DeviceManifest.parser(), payload).getSiteId()
        : Bytes.parsed(TerminalManifest.parser(), payload).getSiteId();
  }

  private static int serial(FileKind kind, byte[] payload) {
    return kind == FileKind.FILE_KIND_DEVICE_MANIFEST
        ? Bytes.parsed(DeviceManifest.parser(), payload).getSerial()
        : Bytes.parsed(TerminalManifest.parser(), payload).getSerial();
  }

  /** Whether a newer manifest's payload may follow the one that is held (PRV-37 to PRV-39). */
  public static void checkSuccession(FileKind kind, byte[] held, byte[] newer) throws FileRefused {
    if (!siteId(kind, held).equals(siteId(kind, newer))) {
      throw new FileRefused("PRV-33", "a manifest of another site");
    }
    int order = Integer.compareUnsigned(serial(kind, newer), serial(kind, held));
    if (order < 0 || (order == 0 && Bytes.compare(held, newer) != 0)) {
      throw new FileRefused("PRV-37", "an older manifest, or another one of the same serial");
    }
    Map<String, Entry> followers = new HashMap<>();
    for (Entry entry : entries(kind, newer)) {
      followers.put(entry.id, entry);
    }
    for (Entry entry : entries(kind, held)) {
      Entry follower = followers.get(entry.id);
      if (follower == null || !follower.key.equals(entry.key)) {
        throw new FileRefused("PRV-38", entry.id + " is gone or has another key");
      }
      if (follower.revocation < entry.revocation) {
        throw new FileRefused("PRV-39", entry.id + ": a revocation is taken back");
      }
      if (entry.since != 0 && Long.compareUnsigned(follower.since, entry.since) > 0) {
        throw new FileRefused("PRV-39", entry.id + ": compromised later");
      }
    }
  }

  /** The registry of a HIS: every device that it lists. */
  public static Registry registry(DeviceManifest manifest) {
    Map<String, byte[]> keys = new HashMap<>();
    for (Device item : manifest.getDevicesList()) {
      keys.put(item.getDeviceId(), Bytes.of(item.getPublicKey()));
    }
    return keys::get;
  }

  /** The registry of a POS: every terminal but the compromised ones (KEX-2). */
  public static Registry registry(TerminalManifest manifest) {
    Map<String, byte[]> keys = new HashMap<>();
    for (Terminal item : manifest.getTerminalsList()) {
      if (item.getRevocation() != Revocation.REVOCATION_COMPROMISED) {
        keys.put(item.getTerminalId(), Bytes.of(item.getPublicKey()));
      }
    }
    return keys::get;
  }
}
