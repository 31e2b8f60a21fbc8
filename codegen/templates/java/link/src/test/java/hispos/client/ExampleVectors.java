package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;
import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.MessageLite;
import hispos.client.Vectors.Tally;
import hispos.client.messages.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Replays the worked example whole, and the trace of one exchange and its first records. */
final class ExampleVectors {
  private static final Crypto CRYPTO = new BouncyCrypto();

  private ExampleVectors() {}

  static void example(JsonObject file, Tally tally) {
    tally.run(file, ExampleVectors::collect);
  }

  static void trace(JsonObject file, Tally tally) {
    tally.run(file, ExampleVectors::trace);
  }

  /** A message's bytes say what is decoded, and it is written as these bytes again. */
  private static void said(JsonObject one) throws Exception {
    String name = text(one, "message");
    MessageLite message = LinkVectors.parser(name).parseFrom(hexes(one, "bytes"));
    same(name, Shown.json(one.get("decoded")), Shown.of(message));
    same(name + " again", text(one, "bytes"), Bytes.hex(message.toByteArray()));
  }

  private static void collect(JsonObject file) throws Exception {
    JsonObject site = file.getAsJsonObject("site");
    for (String name : List.of("agreement", "device_manifest", "terminal_manifest")) {
      said(site.getAsJsonObject(name));
    }
    byte[] agreement = Hashes.sha256(hexes(site.getAsJsonObject("agreement"), "bytes"));
    same("agreement_hash", text(site, "agreement_hash"), Bytes.hex(agreement));
    String terminal = text(site, "terminal_id");
    String device = text(site, "device_id");
    byte[] deviceKey = hexes(site, "device_key");
    byte[] terminalKey = hexes(site, "terminal_key");
    End his = new End(CRYPTO, terminal, hexes(site, "terminal_seed"), known(device, deviceKey));
    End pos = new End(CRYPTO, device, hexes(site, "device_seed"), known(terminal, terminalKey));
    Terms terms = new Terms(agreement, pos.versions, pos.suites);
    JsonObject draws = file.getAsJsonObject("draws");
    Initiator initiator = new Initiator(his, device, agreement, draws(draws, "his", 0));
    // The first draw of a POS is its run.
    Responder responder = new Responder(pos, List.of(terms), draws(draws, "pos", 1));
    JsonObject handshake = file.getAsJsonObject("handshake");
    Keys keys = exchange(handshake.getAsJsonObject("frames"), initiator, responder);
    for (KeySchedule schedule : List.of(initiator.schedule(), responder.schedule())) {
      JsonObject transcript = handshake.getAsJsonObject("transcript");
      schedule(schedule, handshake.getAsJsonObject("secrets"), transcript, text(transcript, "t0"));
    }
    records(file, keys);
    order(file, site, deviceKey);
    book(objects(file, "journal"));
    book(objects(file, "ledger"));
  }

  private static Registry known(String id, byte[] key) {
    return asked -> asked.equals(id) ? key : null;
  }

  private static Draws draws(JsonObject draws, String side, int from) {
    List<byte[]> found = new ArrayList<>();
    for (JsonElement draw : draws.getAsJsonArray(side)) {
      found.add(hexes(draw.getAsString()));
    }
    return new Draws(found.subList(from, found.size()));
  }

  private static Keys exchange(JsonObject frames, Initiator initiator, Responder responder)
      throws Exception {
    byte[] m2 = responder.takeM1(initiator.m1(), true);
    Initiator.Taken taken = initiator.takeM2(m2);
    Keys keys = responder.takeM3(taken.m3);
    same("m1", text(frames, "m1"), Bytes.hex(Frames.encode(Frame.M1, initiator.m1())));
    same("m2", text(frames, "m2"), Bytes.hex(Frames.encode(Frame.M2, m2)));
    same("m3", text(frames, "m3"), Bytes.hex(Frames.encode(Frame.M3, taken.m3)));
    return keys;
  }

  private static void schedule(KeySchedule own, JsonObject secrets, JsonObject hashes, String t0) {
    for (Map.Entry<String, JsonElement> secret : secrets.entrySet()) {
      same(secret.getKey(), secret.getValue().getAsString(), Bytes.hex(own.secret(secret.getKey())));
    }
    same("t0", t0, Bytes.hex(own.hash(0)));
    for (int number = 1; number <= 8; number++) {
      same("th" + number, text(hashes, "th" + number), Bytes.hex(own.hash(number)));
    }
  }

  private static void records(JsonObject file, Keys keys) throws Exception {
    Map<String, Records.Sealer> sealers = new LinkedHashMap<>();
    for (Side side : Side.values()) {
      String name = side == Side.HIS ? "his" : "pos";
      sealers.put(name, new Records.Sealer(CRYPTO, side.record(), keys.tag, keys.of(side)));
    }
    for (JsonObject one : objects(file, "records")) {
      said(one.getAsJsonObject("plaintext"));
      Records.Sealer sealer = sealers.get(text(one, "sender"));
      same("counter", one.get("counter").getAsLong(), sealer.counter);
      byte[] record = sealer.seal(hexes(one.getAsJsonObject("plaintext"), "bytes"));
      same("record", text(one, "record"), Bytes.hex(record));
      same("wire", text(one, "wire"), Bytes.hex(Frames.encode(one.get("type").getAsInt(), record)));
    }
  }

  private static void order(JsonObject file, JsonObject site, byte[] deviceKey) throws Exception {
    JsonObject order = file.getAsJsonObject("order");
    said(order.getAsJsonObject("core"));
    byte[] core = hexes(order.getAsJsonObject("core"), "bytes");
    long generation = order.get("generation").getAsLong();
    byte[] key = Numbers.collectKey(text(order, "bill"));
    String number = Numbers.order(hexes(site, "site_secret"), Kind.KIND_COLLECT, key, generation);
    same("number", Orders.readCore(core).getOrderNo(), number);
    same("order hash", text(order, "hash"), Bytes.hex(Orders.hash(text(site, "site_id"), core)));
    JsonObject code = file.getAsJsonObject("code");
    byte[] digits = text(code, "digits").getBytes(US_ASCII);
    byte[] named = Bytes.concat(Labels.PAYMENT_CODE.bytes(), new byte[1], digits);
    byte[] seed = hexes(site, "device_seed");
    same("code hash", text(code, "hash"), Bytes.hex(Hashes.hmac(seed, named)));
    JsonObject result = file.getAsJsonObject("result");
    said(result.getAsJsonObject("result"));
    byte[] bytes = hexes(result.getAsJsonObject("result"), "bytes");
    byte[] signature = hexes(result, "signature");
    same("it is signed", true, Orders.isSignedBy(CRYPTO, deviceKey, bytes, signature));
    same("signature", Bytes.hex(signature), Bytes.hex(Orders.sign(CRYPTO, seed, bytes)));
    same("result hash", text(result, "result_hash"), Bytes.hex(Orders.resultHash(bytes)));
  }

  private static void book(List<JsonObject> lines) throws Exception {
    BookVectors.Memory memory = new BookVectors.Memory();
    for (JsonObject line : lines) {
      said(line.getAsJsonObject("record"));
      said(line.getAsJsonObject("row"));
      byte[] record = hexes(line.getAsJsonObject("record"), "bytes");
      memory.stored.add(new Stored(record, hexes(line, "head")));
      same("anchor", text(line, "anchor"), Bytes.hex(new Book(memory, () -> 0).anchor()));
    }
  }

  private static void trace(JsonObject file) throws Exception {
    JsonObject given = file.getAsJsonObject("input");
    JsonObject told = file.getAsJsonObject("output");
    End his = traced(given, "his", "pos");
    End pos = traced(given, "pos", "his");
    byte[] agreement = Hashes.sha256(hexes(given, "agreement_hex"));
    Initiator initiator = new Initiator(his, pos.id, agreement, tracedDraws(given, "his"));
    Terms terms = new Terms(agreement, pos.versions, pos.suites);
    Responder responder = new Responder(pos, List.of(terms), tracedDraws(given, "pos"));
    JsonObject frames = new JsonObject();
    JsonObject secrets = new JsonObject();
    JsonObject hashes = new JsonObject();
    Set<String> others = Set.of("T0", "th", "confirm_p", "confirm_h", "sig_p", "sig_h");
    for (Map.Entry<String, JsonElement> one : told.entrySet()) {
      String name = one.getKey();
      if (name.matches("m[123]_frame")) {
        frames.add(name.substring(0, 2), one.getValue());
      } else if (!others.contains(name) && !name.endsWith("_frames")) {
        secrets.add(name, one.getValue());
      }
    }
    told.getAsJsonObject("th").entrySet().forEach(one -> hashes.add("th" + one.getKey(), one.getValue()));
    Keys keys = exchange(frames, initiator, responder);
    for (KeySchedule schedule : List.of(initiator.schedule(), responder.schedule())) {
      schedule(schedule, secrets, hashes, text(told, "T0"));
      same("confirm_p", text(told, "confirm_p"), Bytes.hex(schedule.confirmPos()));
      same("confirm_h", text(told, "confirm_h"), Bytes.hex(schedule.confirmHis()));
      same("sig_p", text(told, "sig_p"), Bytes.hex(pos.sign(Labels.AUTH_POS, schedule.hash(3))));
      same("sig_h", text(told, "sig_h"), Bytes.hex(his.sign(Labels.AUTH_HIS, schedule.hash(6))));
    }
    List<byte[]> ofPos = plaintexts(given, "pos_records");
    ofPos.add(0, hexes(given, "ready_hex"));
    sealed(told, keys, Side.POS, ofPos);
    sealed(told, keys, Side.HIS, plaintexts(given, "his_records"));
  }

  private static End traced(JsonObject given, String own, String peer) {
    JsonObject mine = given.getAsJsonObject(own);
    JsonObject other = given.getAsJsonObject(peer);
    byte[] key = CRYPTO.ed25519Public(hexes(other, "sk_hex"));
    return new End(CRYPTO, text(mine, "id"), hexes(mine, "sk_hex"), known(text(other, "id"), key));
  }

  private static Draws tracedDraws(JsonObject given, String side) {
    JsonObject own = given.getAsJsonObject(side);
    return new Draws(hexes(own, "nonce_hex"), hexes(own, "x25519_hex"));
  }

  private static List<byte[]> plaintexts(JsonObject given, String name) {
    List<byte[]> found = new ArrayList<>();
    given.getAsJsonArray(name).forEach(one -> found.add(hexes(one.getAsString())));
    return found;
  }

  private static void sealed(JsonObject told, Keys keys, Side side, List<byte[]> plaintexts) {
    Records.Sealer sealer = new Records.Sealer(CRYPTO, side.record(), keys.tag, keys.of(side));
    List<String> wanted = new ArrayList<>();
    String name = side == Side.HIS ? "his_record_frames" : "pos_record_frames";
    told.getAsJsonArray(name).forEach(one -> wanted.add(one.getAsString()));
    List<String> found = new ArrayList<>();
    for (byte[] plaintext : plaintexts) {
      found.add(Bytes.hex(Frames.encode(side.record(), sealer.seal(plaintext))));
    }
    same(name, wanted, found);
  }
}
