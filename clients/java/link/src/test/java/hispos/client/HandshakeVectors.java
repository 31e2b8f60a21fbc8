package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;
import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import hispos.client.Vectors.Tally;
import hispos.client.Vectors.Unimplemented;
import hispos.client.messages.Extension;
import hispos.client.messages.KeyShare;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Replays the vectors of key schedule, handshake and records. */
final class HandshakeVectors {
  private static final Crypto CRYPTO = new BouncyCrypto();

  private HandshakeVectors() {}

  static void keySchedule(JsonObject file, Tally tally) {
    tally.all(file, HandshakeVectors::function);
  }

  private static String hex(byte[] bytes) {
    return bytes == null ? null : Bytes.hex(bytes);
  }

  private static void function(JsonObject one) {
    boolean good = true;
    switch (text(one, "about")) {
      case "extract":
        same("prk", text(one, "prk"), hex(KeySchedule.extract(hexes(one, "salt"), hexes(one, "ikm"))));
        break;
      case "label":
        byte[] label = text(one, "label").getBytes(US_ASCII);
        int length = one.get("length").getAsInt();
        same("info", text(one, "info"), hex(KeySchedule.labelInfo(label, hexes(one, "context"), length)));
        byte[] out = KeySchedule.expandLabel(hexes(one, "secret"), label, hexes(one, "context"), length);
        same("out", text(one, "out"), hex(out));
        break;
      case "shared":
        byte[] shared = CRYPTO.x25519(hexes(one, "private"), hexes(one, "public"));
        same("shared", text(one, "shared"), hex(shared));
        good = shared != null;
        break;
      case "epoch":
        Records.Epoch epoch = new Records.Epoch(0, hexes(one, "first"));
        for (int number = 0; number < one.get("epoch").getAsInt(); number++) {
          epoch = epoch.next();
        }
        same("secret", text(one, "secret"), hex(epoch.secret));
        same("key", text(one, "key"), hex(epoch.key));
        same("iv", text(one, "iv"), hex(epoch.iv));
        break;
      case "record":
        long counter = one.get("counter").getAsLong();
        same("nonce", text(one, "nonce"), hex(Records.nonce(hexes(one, "iv"), counter)));
        byte[] aad = Records.aad(one.get("type").getAsInt(), one.get("tag").getAsInt(), counter);
        same("aad", text(one, "aad"), hex(aad));
        break;
      case "public_key":
        good = Signatures.isUsableKey(hexes(one, "key"));
        break;
      case "signature":
        byte[] context = text(one, "context").getBytes(US_ASCII);
        byte[] message = Signatures.message(context, hexes(one, "payload"));
        good = CRYPTO.verify(hexes(one, "key"), message, hexes(one, "signature"));
        break;
      default:
        throw new Unimplemented(text(one, "about"));
    }
    same("result", text(one, "result"), good ? "valid" : "invalid");
  }

  /** Both ends of a case. */
  private static final class Both {
    final Initiator his;
    final Responder pos;
    final List<Extension> posExtensions;

    Both(JsonObject one) {
      JsonObject own = one.getAsJsonObject("his");
      JsonObject other = one.getAsJsonObject("pos");
      byte[] agreement = Hashes.sha256(hexes(one, "agreement"));
      his = new Initiator(end(own, other), text(other, "id"), agreement, draws(own));
      List<KeyShare> shares = new ArrayList<>();
      for (JsonObject share : objects(own, "shares")) {
        shares.add(
            KeyShare.newBuilder()
                .setGroup(share.get("group").getAsInt())
                .setKey(Bytes.field(hexes(share, "key")))
                .build());
      }
      his.offer(shares, extensions(own));
      End end = end(other, own);
      Terms terms = new Terms(agreement, end.versions, end.suites);
      pos = new Responder(end, List.of(terms), draws(other));
      posExtensions = extensions(other);
    }

    private static Draws draws(JsonObject side) {
      return new Draws(hexes(side, "nonce"), hexes(side, "x25519_private"));
    }

    private static List<Extension> extensions(JsonObject side) {
      List<Extension> found = new ArrayList<>();
      for (JsonObject item : objects(side, "extensions")) {
        found.add(
            Extension.newBuilder()
                .setId(item.get("id").getAsInt())
                .setData(Bytes.field(hexes(item, "data")))
                .build());
      }
      return found;
    }

    private static List<Integer> numbers(JsonObject side, String name) {
      List<Integer> found = new ArrayList<>();
      side.getAsJsonArray(name).forEach(item -> found.add(item.getAsInt()));
      return found;
    }

    private static End end(JsonObject own, JsonObject peer) {
      String id = text(peer, "id");
      byte[] key = hexes(peer, "public_key");
      Registry registry = asked -> asked.equals(id) ? key : null;
      byte[] seed = hexes(own, "signing_seed");
      return new End(
          CRYPTO, text(own, "id"), seed, registry, numbers(own, "versions"), numbers(own, "suites"));
    }
  }

  static void handshake(JsonObject file, Tally tally) {
    Map<String, JsonObject> bases = new HashMap<>();
    objects(file, "cases").forEach(one -> bases.put(text(one, "tc_id"), one));
    tally.all(file, HandshakeVectors::exchange);
    objects(file, "refusals").forEach(one -> tally.run(one, it -> refusal(it, bases.get(text(it, "base")))));
  }

  private static void exchange(JsonObject one) throws Exception {
    Both both = new Both(one);
    byte[] m2 = both.pos.takeM1(both.his.m1(), true, both.posExtensions);
    Initiator.Taken taken = both.his.takeM2(m2);
    Keys keys = both.pos.takeM3(taken.m3);
    same("ap_his", hex(taken.keys.apHis), hex(keys.apHis));
    same("ap_pos", hex(taken.keys.apPos), hex(keys.apPos));
    same("tag", taken.keys.tag, keys.tag);
    for (KeySchedule schedule : List.of(both.his.schedule(), both.pos.schedule())) {
      for (Map.Entry<String, JsonElement> secret : one.getAsJsonObject("secrets").entrySet()) {
        same(secret.getKey(), secret.getValue().getAsString(), hex(schedule.secret(secret.getKey())));
      }
      for (int number = 0; number <= 8; number++) {
        String name = number == 0 ? "t0" : "th" + number;
        same(name, text(one.getAsJsonObject("transcript"), name), hex(schedule.hash(number)));
      }
    }
    JsonObject frames = one.getAsJsonObject("frames");
    same("m1", text(frames, "m1"), hex(Frames.encode(Frame.M1, both.his.m1())));
    same("m2", text(frames, "m2"), hex(Frames.encode(Frame.M2, m2)));
    same("m3", text(frames, "m3"), hex(Frames.encode(Frame.M3, taken.m3)));
  }

  private static void refusal(JsonObject one, JsonObject base) throws Exception {
    Both both = new Both(base);
    String step = text(one, "message");
    if (step.equals("m3")) {
      both.pos.takeM1(both.his.m1(), true, both.posExtensions);
    }
    Side receiver = step.equals("m2") ? Side.HIS : Side.POS;
    Frame frame = new Frames(receiver).feed(hexes(one, "frame")).get(0);
    Integer alert = null;
    try {
      if (step.equals("m1")) {
        both.pos.takeM1(frame.body, true);
      } else if (step.equals("m2")) {
        both.his.takeM2(frame.body);
      } else {
        both.pos.takeM3(frame.body);
      }
      throw new AssertionError("it is accepted");
    } catch (Dropped drop) {
      same("drop", "handshake", drop.name);
    } catch (Alerted alerted) {
      alert = alerted.code.getNumber();
    }
    JsonElement committed = one.get("alert");
    same("alert", committed.isJsonNull() ? null : committed.getAsInt(), alert);
    String answer = null;
    if (alert != null) {
      byte[] body = Bytes.concat(new byte[] {alert.byteValue()}, frame.checksum());
      answer = hex(Frames.encode(Frame.PLAIN_ALERT, body));
    }
    same("answer", text(one, "answer"), answer);
  }

  /** What an end makes of a body in place of the right one; null: it takes it. */
  static String react(JsonObject base, String step, byte[] body) {
    Both both = new Both(base);
    try {
      if (step.equals("m3")) {
        both.pos.takeM1(both.his.m1(), true, both.posExtensions);
      }
      if (step.equals("m1")) {
        both.pos.takeM1(body, true);
      } else if (step.equals("m2")) {
        both.his.takeM2(body);
      } else {
        both.pos.takeM3(body);
      }
      return null;
    } catch (Dropped drop) {
      return drop.name;
    } catch (Alerted alerted) {
      return "alert " + alerted.code.getNumber();
    }
  }

  static void records(JsonObject file, Tally tally) {
    JsonObject session = file.getAsJsonObject("session");
    int tag = hexes(session, "tag")[0] & 0xFF;
    Map<String, Records.Opener> openers = new HashMap<>();
    Map<String, Records.Sealer> sealers = new HashMap<>();
    for (Side side : Side.values()) {
      byte[] secret = hexes(session, side == Side.HIS ? "ap_h" : "ap_p");
      String name = side == Side.HIS ? "his_to_pos" : "pos_to_his";
      openers.put(name, new Records.Opener(CRYPTO, side.record(), tag, secret));
      sealers.put(name, new Records.Sealer(CRYPTO, side.record(), tag, secret));
    }
    tally.all(
        file,
        one -> record(one, openers.get(text(one, "direction")), sealers.get(text(one, "direction"))));
  }

  private static void record(JsonObject one, Records.Opener opener, Records.Sealer sealer) {
    Side receiver = text(one, "direction").equals("his_to_pos") ? Side.POS : Side.HIS;
    Frame frame = new Frames(receiver).feed(hexes(one, "frame")).get(0);
    byte[] plaintext;
    try {
      plaintext = opener.open(frame.body);
    } catch (Dropped drop) {
      same("reason", text(one, "reason"), drop.name);
      return;
    }
    same("result", text(one, "result"), "valid");
    JsonObject opened = one.getAsJsonObject("opened");
    same("plaintext", text(opened, "plaintext"), hex(plaintext));
    sealer.counter = opened.get("counter").getAsLong();
    same("frame", text(one, "frame"), hex(Frames.encode(frame.kind, sealer.seal(plaintext))));
  }
}
