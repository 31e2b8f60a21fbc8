package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonObject;
import hispos.client.Vectors.Tally;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Replays the vectors of books. */
final class BookVectors {
  private BookVectors() {}

  /** A storage that is gone with the program. */
  static final class Memory implements Storage {
    final List<Stored> stored = new ArrayList<>();

    @Override
    public List<Stored> load() {
      return new ArrayList<>(stored);
    }

    @Override
    public void append(List<Stored> batch) {
      stored.addAll(batch);
    }
  }

  static void books(JsonObject file, Tally tally) {
    tally.all(file, BookVectors::book);
  }

  private static void book(JsonObject one) throws Exception {
    Memory memory = new Memory();
    for (JsonObject line : objects(one, "export")) {
      memory.stored.add(new Stored(hexes(line, "record"), hexes(line, "head")));
    }
    if (text(one, "about").equals("containment")) {
      Book book = new Book(memory, () -> 0);
      String found = book.containment(hexes(one, "anchor")).name().toLowerCase(Locale.ROOT);
      same("containment", text(one, "containment"), found);
      return;
    }
    Long failsAt = null;
    String reason = "";
    try {
      Book.verify(memory.stored);
    } catch (Broken broken) {
      failsAt = broken.seq;
      reason = broken.reason;
    }
    same("fails_at", one.get("fails_at").isJsonNull() ? null : one.get("fails_at").getAsLong(), failsAt);
    same("reason", text(one, "reason"), reason);
  }
}
