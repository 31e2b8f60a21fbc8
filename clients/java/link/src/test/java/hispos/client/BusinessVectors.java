package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import hispos.client.Vectors.Tally;
import hispos.client.Vectors.Unimplemented;
import hispos.client.messages.Channel;
import hispos.client.messages.FileKind;
import hispos.client.messages.Kind;
import hispos.client.messages.OrderCore;
import hispos.client.messages.ResultCore;

/** Replays the vectors of signed files and orders. */
final class BusinessVectors {
  private static final Crypto CRYPTO = new BouncyCrypto();

  private BusinessVectors() {}

  static void signedFiles(JsonObject file, Tally tally) {
    tally.all(file, BusinessVectors::signedFile);
  }

  private static void requirement(JsonObject one, String broken) {
    for (JsonElement item : one.getAsJsonArray("requirements")) {
      if (item.getAsString().equals(broken)) {
        return;
      }
    }
    same("requirement", one.get("requirements"), broken);
  }

  private static void signedFile(JsonObject one) {
    String about = text(one, "about");
    try {
      if (about.equals("file")) {
        read(one);
      } else if (about.equals("armour")) {
        same("file", text(one, "file"), Bytes.hex(SignedFiles.readArmour(text(one, "text"))));
      } else {
        succession(one);
      }
    } catch (FileRefused refused) {
      same("result", text(one, "result"), "invalid");
      // Damaged armour may hold whole base64 of what is no file: the file inside is refused then.
      if (!about.equals("armour") || !refused.requirement.equals("PRV-12")) {
        requirement(one, refused.requirement);
      }
      return;
    }
    same("result", text(one, "result"), "valid");
  }

  private static void read(JsonObject one) throws FileRefused {
    FileKind wanted = FileKind.forNumber(one.get("wanted").getAsInt());
    if (wanted == FileKind.FILE_KIND_AGREEMENT) {
      Agreements.read(CRYPTO, hexes(one, "file"));
      return;
    }
    boolean isDevices = wanted == FileKind.FILE_KIND_DEVICE_MANIFEST;
    byte[] organisation = hexes(one, isDevices ? "pos_organisation" : "his_organisation");
    Manifests.verify(CRYPTO, hexes(one, "file"), wanted, organisation, text(one, "site_id"));
  }

  private static void succession(JsonObject one) throws FileRefused {
    FileKind kind = FileKind.forNumber(one.get("kind").getAsInt());
    if (kind == FileKind.FILE_KIND_AGREEMENT) {
      Agreements.checkSuccession(hexes(one, "held"), hexes(one, "newer"));
    } else {
      Manifests.checkSuccession(kind, hexes(one, "held"), hexes(one, "newer"));
    }
  }

  static void orders(JsonObject file, Tally tally) {
    tally.all(file, BusinessVectors::order);
  }

  private static void order(JsonObject one) throws Exception {
    switch (text(one, "about")) {
      case "order_number":
        orderNumber(one);
        break;
      case "platform_number":
        platformNumber(one);
        break;
      case "amount":
        amount(one);
        break;
      case "core":
        core(one);
        break;
      case "result":
        result(one);
        break;
      case "signature":
        boolean good =
            Orders.isSignedBy(
                CRYPTO, hexes(one, "device_key"), hexes(one, "result_core"), hexes(one, "signature"));
        same("result", text(one, "result"), good ? "valid" : "invalid");
        break;
      default:
        throw new Unimplemented(text(one, "about"));
    }
  }

  private static void orderNumber(JsonObject one) {
    if (one.has("refund") && one.get("refund").isJsonObject()) {
      JsonObject refund = one.getAsJsonObject("refund");
      Channel channel = Channel.forNumber(refund.get("channel").getAsInt());
      byte[] key = Numbers.refundKey(text(refund, "original"), channel, text(refund, "item"));
      same("key", text(one, "key"), Bytes.hex(key));
    }
    Kind kind = Kind.forNumber(one.get("kind").getAsInt());
    long generation = one.get("generation").getAsLong();
    same(
        "number",
        text(one, "number"),
        Numbers.order(hexes(one, "site_secret"), kind, hexes(one, "key"), generation));
  }

  private static void platformNumber(JsonObject one) {
    String[] read;
    try {
      read = Numbers.splitPlatform(text(one, "number"));
    } catch (IllegalArgumentException error) {
      same("result", text(one, "result"), "invalid");
      return;
    }
    same("result", text(one, "result"), "valid");
    same("site_code", text(one, "site_code"), read[0]);
    same("order_no", text(one, "order_no"), read[1]);
    same("letter", text(one, "letter"), read[2]);
    same("number", text(one, "number"), Numbers.platform(read[0], read[1], read[2].charAt(0)));
  }

  private static void amount(JsonObject one) {
    long fen;
    try {
      fen = Amounts.parse(text(one, "text"));
    } catch (IllegalArgumentException error) {
      same("result", text(one, "result"), "invalid");
      return;
    }
    same("fen", one.get("fen").getAsLong(), fen);
    same("what is shown reads back", fen, Amounts.parse(Amounts.show(fen)));
  }

  private static void core(JsonObject one) throws Exception {
    byte[] core = hexes(one, "core");
    OrderCore said;
    try {
      said = Orders.readCore(core);
    } catch (Malformed error) {
      same("reaction", text(one, "reaction"), "rejected " + error.code.getNumber());
      return;
    }
    same("result", text(one, "result"), "valid");
    same("decoded", Shown.json(one.get("decoded")), Shown.of(said));
    same("hash", text(one, "hash"), Bytes.hex(Orders.hash(text(one, "site_id"), core)));
    same("core", text(one, "core"), Bytes.hex(said.toByteArray()));
  }

  private static void result(JsonObject one) throws Exception {
    byte[] result = hexes(one, "result_core");
    ResultCore said;
    try {
      said = Orders.readResult(result);
    } catch (NoResult error) {
      same("result", text(one, "result"), "invalid");
      requirement(one, error.requirement);
      return;
    }
    same("result", text(one, "result"), "valid");
    same("decoded", Shown.json(one.get("decoded")), Shown.of(said));
    same("result_hash", text(one, "result_hash"), Bytes.hex(Orders.resultHash(result)));
  }
}
