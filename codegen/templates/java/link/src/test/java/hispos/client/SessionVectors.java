package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.Vectors.Tally;
import hispos.client.messages.Agreement;
import hispos.client.messages.AlertCode;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.Message;
import hispos.client.messages.SessionReady;
import hispos.client.messages.TerminalManifest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * Replays the conversations at the session's own layer, and of the messages what a session alone
 * decides.
 *
 * <p>What the order flow says is taken out of the file: the record that has to go out is opened with
 * the session's own keys, and its plaintext is given to the session. When frames go out, which, and
 * in what order is this client's.
 */
final class SessionVectors {
  private static final Crypto CRYPTO = new BouncyCrypto();
  private static final long BEGIN = 1_000_000;

  private SessionVectors() {}

  // only: both
  static void conversations(JsonObject file, Tally tally) {
    tally.all(file, one -> new Conversation(file.getAsJsonObject("site"), one).play());
  }

  // only: end

  /** The draws of each start of a conversation. */
  static Deque<Deque<byte[]>> draws(JsonObject one) {
    Deque<Deque<byte[]>> found = new ArrayDeque<>();
    for (JsonElement start : one.getAsJsonArray("draws")) {
      Deque<byte[]> draws = new ArrayDeque<>();
      start.getAsJsonArray().forEach(draw -> draws.add(hexes(draw.getAsString())));
      found.add(draws);
    }
    return found;
  }

  // only: both
  private static final class Conversation {
    private final JsonObject site;
    private final JsonObject one;
    private final boolean isHis;
    private final Deque<Deque<byte[]>> draws;
    private Session session;
    private long at;

    Conversation(JsonObject site, JsonObject one) {
      this.site = site;
      this.one = one;
      this.isHis = text(one, "side").equals("his");
      this.draws = draws(one);
    }

    private Session start() throws Exception {
      Deque<byte[]> own = draws.remove();
      byte[] payload = hexes(site, "agreement");
      List<Terms> terms =
          List.of(new Terms(Hashes.sha256(payload), Agreement.parseFrom(payload)));
      String device = text(site, "device_id");
      if (isHis) {
        Registry known =
            Manifests.registry(DeviceManifest.parseFrom(hexes(site, "device_manifest")));
        byte[] seed = hexes(site, "terminal_seed");
        End end = new End(CRYPTO, text(site, "terminal_id"), seed, known);
        return new HisSession(end, device, terms, new Draws(new ArrayList<>(own)));
      }
      Registry known =
          Manifests.registry(TerminalManifest.parseFrom(hexes(site, "terminal_manifest")));
      End end = new End(CRYPTO, device, hexes(site, "device_seed"), known);
      byte[] run = own.remove();
      return new PosSession(
          end, terms, new Draws(new ArrayList<>(own)), (hash, now) -> ready(run, now));
    }

    private byte[] ready(byte[] run, long now) {
      SessionReady ready =
          SessionReady.newBuilder()
              .setRun(Bytes.field(run))
              .setPosTime(site.get("unix").getAsLong() + (now - BEGIN) / 1000)
              .setSoftware(text(site, "software"))
              .setSimulated(true)
              .build();
      return Message.newBuilder().setReady(ready).build().toByteArray();
    }

    void play() throws Exception {
      for (JsonObject happening : objects(one, "happenings")) {
        at = happening.get("at").getAsLong();
        if (happening.has("in")) {
          nothingMore();
          Map.Entry<String, JsonElement> in =
              happening.getAsJsonObject("in").entrySet().iterator().next();
          take(in.getKey(), in.getValue());
        } else if (happening.getAsJsonObject("out").has("transmit")) {
          expect(hexes(happening.getAsJsonObject("out"), "transmit"));
        }
      }
      nothingMore();
    }

    private void take(String name, JsonElement value) throws Exception {
      switch (name) {
        case "start":
          session = start();
          break;
        case "opened":
          session.opened(at);
          break;
        case "bytes":
          session.feed(hexes(value.getAsString()), at);
          break;
        case "tick":
          session.onTimer(at);
          break;
        case "persist_failed":
          if (session instanceof PosSession) {
            ((PosSession) session).isBusy = true;
          }
          break;
        default:
          break;
      }
    }

    private void nothingMore() {
      byte[] more = session == null ? null : session.pollTransmit();
      same("what else goes out before " + at, null, more == null ? null : Bytes.hex(more));
    }

    private void expect(byte[] expected) throws Exception {
      byte[] sent = session.pollTransmit();
      if (sent == null) {
        say(expected);
        sent = session.pollTransmit();
      }
      same("at " + at, Bytes.hex(expected), sent == null ? null : Bytes.hex(sent));
    }

    /** Has the session seal what the order flow says in the record that is expected. */
    private void say(byte[] expected) throws Exception {
      Side own = isHis ? Side.HIS : Side.POS;
      Frame frame = new Frames(own.other()).feed(expected).get(0);
      Live live = session.live;
      if (live == null || frame.kind != live.kind) {
        throw new AssertionError("at " + at + ": a frame of type " + frame.kind + " is missing");
      }
      byte[] plaintext =
          new Records.Opener(CRYPTO, live.kind, live.keys.tag, live.keys.of(own)).open(frame.body);
      int alert = Parsed.of(plaintext).alert;
      if (alert < 0) {
        session.send(plaintext, at);
      } else {
        session.end(AlertCode.forNumber(alert), at);
      }
    }
  }

  // only: end
}
