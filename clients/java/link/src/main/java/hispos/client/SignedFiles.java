package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.protobuf.ByteString;
import hispos.client.messages.FileKind;
import hispos.client.messages.FileSignature;
import hispos.client.messages.SignedFile;
import java.util.ArrayList;
import java.util.List;

/** The form of signed files, binary and as text for mail (provisioning). */
public final class SignedFiles {
  private static final String BEGIN = "-----BEGIN HISPOS ";
  private static final String DASHES = "-----";

  private SignedFiles() {}

  /** A signed file whose form is right: its kind, and the payload that is hashed and signed. */
  static final class File {
    final FileKind kind;
    final byte[] payload;
    private final SignedFile signed;

    File(SignedFile signed) {
      this.kind = signed.getKind();
      this.payload = Bytes.of(signed.getPayload());
      this.signed = signed;
    }

    /** Whether the signature of this key is there and verifies (PRV-13). */
    boolean isSignedBy(Crypto crypto, byte[] publicKey) {
      byte[] message = Signatures.message(context(kind), payload);
      ByteString name = Bytes.field(keyId(publicKey));
      for (FileSignature item : signed.getSignaturesList()) {
        if (item.getKeyId().equals(name)
            && crypto.verify(publicKey, message, Bytes.of(item.getSignature()))) {
          return true;
        }
      }
      return false;
    }
  }

  /** The name of an organisation's key in signed files. */
  public static byte[] keyId(byte[] publicKey) {
    return Bytes.part(Hashes.sha256(publicKey), 0, 8);
  }

  /** What people compare by telephone: 8 groups of 4 capital hexadecimal digits. */
  public static String fingerprint(byte[] publicKey) {
    String digits = Bytes.hex(Hashes.sha256(publicKey)).substring(0, 32);
    StringBuilder text = new StringBuilder();
    for (int place = 0; place < digits.length(); place++) {
      if (place > 0 && place % 4 == 0) {
        text.append(' ');
      }
      text.append(Character.toUpperCase(digits.charAt(place)));
    }
    return text.toString();
  }

  static Labels context(FileKind kind) {
    switch (kind) {
      case FILE_KIND_AGREEMENT:
        return Labels.AGREEMENT;
      case FILE_KIND_DEVICE_MANIFEST:
        return Labels.DEVICE_MANIFEST;
      default:
        return Labels.TERMINAL_MANIFEST;
    }
  }

  private static String name(FileKind kind) {
    switch (kind) {
      case FILE_KIND_AGREEMENT:
        return "Agreement";
      case FILE_KIND_DEVICE_MANIFEST:
        return "DeviceManifest";
      case FILE_KIND_TERMINAL_MANIFEST:
        return "TerminalManifest";
      default:
        return null;
    }
  }

  /** Reads the binary form of a file of a kind (PRV-11, PRV-12). */
  static File read(byte[] data, FileKind wanted) throws FileRefused {
    File file = readAny(data);
    if (file.kind != wanted) {
      throw new FileRefused("PRV-12", "a file of another kind");
    }
    return file;
  }

  static File readAny(byte[] data) throws FileRefused {
    if (data.length > Limits.SIGNED_FILE_BYTES_MAX) {
      throw new FileRefused("PRV-11", "a file of " + data.length + " bytes");
    }
    SignedFile signed;
    try {
      Canonical.validate("SignedFile", data);
      signed = Bytes.parsed(SignedFile.parser(), data);
      String message = name(signed.getKind());
      if (message == null) {
        throw new FileRefused("PRV-12", "a file of kind " + signed.getKindValue());
      }
      Canonical.validate(message, Bytes.of(signed.getPayload()));
    } catch (NotCanonical error) {
      throw new FileRefused("PRV-12", error.getMessage());
    }
    byte[] last = null;
    for (FileSignature item : signed.getSignaturesList()) {
      byte[] id = Bytes.of(item.getKeyId());
      if (last != null && Bytes.compare(last, id) >= 0) {
        throw new FileRefused("PRV-12", "the key ids do not ascend");
      }
      last = id;
    }
    return new File(signed);
  }

  /** The binary form in armour (PRV-15 to PRV-18). */
  public static byte[] readArmour(String text) throws FileRefused {
    List<String> lines = new ArrayList<>();
    for (String line : text.split("\n", -1)) {
      lines.add(line.trim());
    }
    int start = 0;
    while (start < lines.size() && !lines.get(start).startsWith(BEGIN)) {
      start++;
    }
    if (start == lines.size() || !lines.get(start).endsWith(DASHES)) {
      throw new FileRefused("PRV-18", "there is no BEGIN line");
    }
    String first = lines.get(start);
    if (first.length() < BEGIN.length() + DASHES.length()) {
      throw new FileRefused("PRV-18", "the BEGIN line has no name");
    }
    String name = first.substring(BEGIN.length(), first.length() - DASHES.length());
    StringBuilder content = new StringBuilder();
    int end = start + 1;
    while (end < lines.size() && !lines.get(end).startsWith(DASHES + "END")) {
      content.append(lines.get(end++));
    }
    if (end == lines.size() || !lines.get(end).equals(DASHES + "END HISPOS " + name + DASHES)) {
      throw new FileRefused("PRV-18", "the END line is missing or another one");
    }
    byte[] data = base64(content.toString());
    if (!armourName(readAny(data).kind).equals(name)) {
      throw new FileRefused("PRV-18", "the name is not that of the file inside");
    }
    return data;
  }

  private static String armourName(FileKind kind) {
    return kind.name().substring("FILE_KIND_".length()).replace('_', ' ');
  }

  private static byte[] base64(String text) throws FileRefused {
    if (text.length() % 4 != 0 || !text.matches("[0-9A-Za-z+/]*={0,2}")) {
      throw new FileRefused("PRV-17", "a character or a group that base64 does not have");
    }
    byte[] data;
    try {
      data = org.bouncycastle.util.encoders.Base64.decode(text);
    } catch (RuntimeException error) {
      throw new FileRefused("PRV-17", "no base64");
    }
    if (!encode(data).equals(text)) {
      throw new FileRefused("PRV-17", "bits behind the content");
    }
    return data;
  }

  private static String encode(byte[] data) {
    return new String(org.bouncycastle.util.encoders.Base64.encode(data), US_ASCII);
  }

  /** A signed file as text for mail (provisioning, section "Armour"). */
  public static String writeArmour(byte[] data) throws FileRefused {
    String name = armourName(readAny(data).kind);
    String content = encode(data);
    StringBuilder text = new StringBuilder(BEGIN + name + DASHES + "\n");
    for (int at = 0; at < content.length(); at += 64) {
      text.append(content, at, Math.min(at + 64, content.length())).append('\n');
    }
    return text.append(DASHES + "END HISPOS ").append(name).append(DASHES + "\n").toString();
  }
}
