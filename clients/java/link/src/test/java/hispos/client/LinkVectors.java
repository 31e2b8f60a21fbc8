package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonObject;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import hispos.client.Vectors.Tally;
import java.util.ArrayList;
import java.util.List;

/** Replays the vectors of frames and validator. */
final class LinkVectors {
  private LinkVectors() {}

  static void frames(JsonObject file, Tally tally) {
    tally.all(file, LinkVectors::stream);
  }

  private static void stream(JsonObject one) {
    byte[] stream = hexes(one, "stream");
    Side receiver = Side.valueOf(text(one, "receiver").toUpperCase(java.util.Locale.ROOT));
    List<String> wanted = new ArrayList<>();
    for (JsonObject outcome : objects(one, "outcomes")) {
      wanted.add(outcome.has("drop") ? text(outcome, "drop") : shown(outcome.get("type").getAsInt(), hexes(outcome, "body")));
    }
    for (int piece : new int[] {1, 7, Math.max(1, stream.length)}) {
      Frames decoder = new Frames(receiver);
      List<String> found = new ArrayList<>();
      for (int at = 0; at < stream.length; at += piece) {
        for (Frame frame : decoder.feed(Bytes.part(stream, at, Math.min(stream.length, at + piece)))) {
          found.add(frame.drop != null ? frame.drop : shown(frame.kind, frame.body));
          if (frame.drop == null) {
            List<Frame> again = new Frames(receiver).feed(Frames.encode(frame.kind, frame.body));
            same("the frame again", true, again.size() == 1 && again.get(0).is(frame.kind, frame.body));
          }
        }
      }
      same("outcomes", wanted, found);
    }
  }

  private static String shown(int kind, byte[] body) {
    return kind + ":" + Bytes.hex(body);
  }

  static void validator(JsonObject file, Tally tally) {
    tally.all(file, LinkVectors::validated);
  }

  private static void validated(JsonObject one) throws Exception {
    byte[] data = hexes(one, "bytes");
    int step = one.get("step").getAsInt();
    same("step", step, Canonical.failingStep(text(one, "message"), data));
    if (step == 0) {
      MessageLite again = parser(text(one, "message")).parseFrom(data);
      same("protobuf's encoding", Bytes.hex(data), Bytes.hex(again.toByteArray()));
    }
  }

  @SuppressWarnings("unchecked")
  static Parser<MessageLite> parser(String message) throws Exception {
    Class<?> found = Class.forName("hispos.client.messages." + message);
    return (Parser<MessageLite>) found.getMethod("parser").invoke(null);
  }
}
