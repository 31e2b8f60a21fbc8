package hispos.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Finds the vector files, reads them, and counts what was replayed. */
final class Vectors {
  private Vectors() {}

  /** The folder: {@code HISPOS_VECTORS}, or {@code spec-crate/vectors} in a folder above. */
  static Path folder() {
    String named = System.getenv("HISPOS_VECTORS");
    if (named != null) {
      return Path.of(named);
    }
    for (Path above = Path.of("").toAbsolutePath(); above != null; above = above.getParent()) {
      if (Files.isDirectory(above.resolve("spec-crate/vectors"))) {
        return above.resolve("spec-crate/vectors");
      }
    }
    throw new IllegalStateException("no vectors: set HISPOS_VECTORS to spec-crate/vectors of hispos");
  }

  static JsonObject load(String name) {
    try {
      return JsonParser.parseString(Files.readString(folder().resolve(name), UTF_8)).getAsJsonObject();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** Hexadecimal; in words, {@code HHxN} repeats the bytes HH. */
  static byte[] hexes(String text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String word : text.trim().split("\\s+")) {
      String[] parts = word.split("x");
      int times = parts.length > 1 ? Integer.parseInt(parts[1]) : 1;
      for (int time = 0; time < times; time++) {
        out.writeBytes(Bytes.unhex(parts[0]));
      }
    }
    return out.toByteArray();
  }

  static byte[] hexes(JsonObject from, String name) {
    return hexes(from.get(name).getAsString());
  }

  static String text(JsonObject from, String name) {
    JsonElement found = from.get(name);
    return found == null || found.isJsonNull() ? null : found.getAsString();
  }

  static List<JsonObject> objects(JsonObject from, String name) {
    List<JsonObject> found = new ArrayList<>();
    JsonArray array = from.getAsJsonArray(name);
    if (array != null) {
      array.forEach(item -> found.add(item.getAsJsonObject()));
    }
    return found;
  }

  /** Fails if a value is not what the file has. */
  static void same(String what, Object committed, Object derived) {
    if (!Objects.equals(committed, derived)) {
      throw new AssertionError(what + ": the file has " + committed + ", this client gives " + derived);
    }
  }

  /** What this client cannot replay yet. */
  static final class Unimplemented extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unimplemented(String what) {
      super(what);
    }
  }

  /** Replays one case. */
  interface Replay {
    void of(JsonObject one) throws Exception;
  }

  /** What of one file was replayed. */
  static final class Tally {
    final String name;
    int replayed;
    int unimplemented;
    final List<String> failures = new ArrayList<>();

    Tally(String name) {
      this.name = name;
    }

    void run(JsonObject one, Replay replay) {
      try {
        replay.of(one);
      } catch (Unimplemented missing) {
        unimplemented++;
        return;
      } catch (Exception | AssertionError error) {
        String place = error.getStackTrace().length > 0 ? " at " + error.getStackTrace()[0] : "";
        failures.add(name + " case " + one.get("tc_id") + ": " + error + place);
      }
      replayed++;
    }

    void all(JsonObject file, Replay replay) {
      objects(file, "cases").forEach(one -> run(one, replay));
    }
  }
}
