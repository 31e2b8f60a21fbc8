package hispos.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import com.google.gson.JsonObject;
import hispos.client.Vectors.Tally;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.Test;

/** Replays every vector file and prints what was replayed, what was not, and what differs. */
public class VectorsTest {
  private static final Map<String, BiConsumer<JsonObject, Tally>> REPLAYS = new TreeMap<>();

  static {
    REPLAYS.put("frames.json", LinkVectors::frames);
    REPLAYS.put("validator.json", LinkVectors::validator);
    REPLAYS.put("key_schedule.json", HandshakeVectors::keySchedule);
    REPLAYS.put("handshake.json", HandshakeVectors::handshake);
    REPLAYS.put("records.json", HandshakeVectors::records);
    REPLAYS.put("signed_files.json", BusinessVectors::signedFiles);
    REPLAYS.put("orders.json", BusinessVectors::orders);
    REPLAYS.put("books.json", BookVectors::books);
    REPLAYS.put("conversations.json", VectorsTest::conversations);
    // only: pos
    REPLAYS.put("codes.json", PaymentVectors::codes);
    REPLAYS.put("verdicts.json", PaymentVectors::verdicts);
    // only: end
    REPLAYS.put("messages.json", MessageVectors::messages);
    REPLAYS.put("example.json", ExampleVectors::example);
    REPLAYS.put("wire-trace.json", ExampleVectors::trace);
  }

  private static final Map<String, Play> PLAYS = new TreeMap<>();

  /** One end of a conversation. */
  private interface Play {
    void of(JsonObject site, JsonObject one) throws Exception;
  }

  static {
    // only: his
    PLAYS.put("his", HisVectors::play);
    // only: end
    // only: pos
    PLAYS.put("pos", PosVectors::play);
    // only: end
  }

  /** What only a POS does: no other client has it. */
  private static final List<String> OF_POS = List.of("codes.json", "verdicts.json");

  /** Prints a line for each file, and the sum. */
  @Test
  public void everyVectorGivesWhatTheFileHas() throws IOException {
    List<Tally> tallies = new ArrayList<>();
    try (Stream<Path> files = Files.list(Vectors.folder())) {
      files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".json"))
          .filter(name -> PLAYS.containsKey("pos") || !OF_POS.contains(name))
          .sorted()
          .forEach(name -> tallies.add(replay(name)));
    }
    // only: both
    Tally sessions = new Tally("conversations: session");
    SessionVectors.conversations(Vectors.load("conversations.json"), sessions);
    tallies.add(sessions);
    // only: end
    StringBuilder table = new StringBuilder();
    table.append(String.format("%n%-24s%10s%8s%15s%n", "vectors", "replayed", "failed", "unimplemented"));
    int replayed = 0;
    int missing = 0;
    List<String> failures = new ArrayList<>();
    for (Tally tally : tallies) {
      table.append(line(tally.name, tally.replayed, tally.failures.size(), tally.unimplemented));
      replayed += tally.replayed;
      missing += tally.unimplemented;
      failures.addAll(tally.failures);
    }
    table.append(line("all", replayed, failures.size(), missing));
    System.out.print(table);
    failures.stream().limit(20).forEach(System.out::println);
    assertEquals(0, failures.size());
    assertEquals("not replayed yet", 0, missing);
    assertTrue("" + replayed, replayed > 4000);
  }

  private static void conversations(JsonObject file, Tally tally) {
    for (JsonObject one : Vectors.objects(file, "cases")) {
      Play play = PLAYS.get(Vectors.text(one, "side"));
      if (play != null) {
        tally.run(one, known -> play.of(file.getAsJsonObject("site"), known));
      }
    }
  }

  private static String line(String name, int replayed, int failed, int missing) {
    return String.format("%-24s%10d%8d%15d%n", name, replayed, failed, missing);
  }

  private static Tally replay(String name) {
    JsonObject file = Vectors.load(name);
    Tally tally = new Tally(name);
    BiConsumer<JsonObject, Tally> replay = REPLAYS.get(name);
    if (replay != null) {
      replay.accept(file, tally);
    } else {
      int cases = Vectors.objects(file, "cases").size() + Vectors.objects(file, "refusals").size();
      tally.unimplemented = Math.max(1, cases);
    }
    return tally;
  }
}
