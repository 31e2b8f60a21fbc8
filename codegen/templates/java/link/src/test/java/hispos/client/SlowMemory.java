package hispos.client;

import static hispos.client.Vectors.objects;

import com.google.gson.JsonObject;
import hispos.client.messages.BookRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A storage in memory that is late, or fails, where a conversation says so. */
final class SlowMemory implements LateStorage {
  private static final List<String> ANSWERS = List.of("loaded", "persisted", "persist_failed");
  private static final List<String> QUESTIONS = List.of("load", "persist");

  final BookVectors.Memory memory = new BookVectors.Memory();
  private final Map<Integer, Late> late;
  private boolean isLate;

  /** It is late from this append on, counted from now; 0: none. */
  private int lateFrom;

  /** The happening that ends it, and the first record that was late. */
  private int until;

  private int lateAt;

  /** The append that fails; -1: none. */
  int failsAt = -1;

  private int appended;

  /** A storage for the happenings of a conversation. */
  SlowMemory(JsonObject one) {
    late = lateAppends(objects(one, "happenings"));
  }

  @Override
  public List<Stored> load() {
    return memory.load();
  }

  @Override
  public void append(List<Stored> batch) throws IOException {
    if (appended++ == failsAt) {
      throw new IOException("it could not be stored");
    }
    if (lateFrom > 0 && --lateFrom == 0) {
      isLate = true;
      lateAt = memory.stored.size();
    }
    memory.append(batch);
  }

  @Override
  public boolean isDurable() {
    return !isLate;
  }

  /** An input comes: the storage may be late from here on. */
  void arm(int input) {
    Late found = late.get(input);
    if (found != null) {
      lateFrom = found.from;
      isLate = found.from == 0;
      until = found.until;
      lateAt = memory.stored.size();
    }
  }

  /** An answer of the book comes; whether it is the one that was late. */
  boolean release(int at) {
    boolean wasLate = isLate && until == at;
    isLate &= !wasLate;
    return wasLate;
  }

  /**
   * The book of the file notes the time at which it stores, and this client's the time at which it
   * gives: the late records once more, as of another time.
   */
  void restamp(Book book, long unix) throws Exception {
    for (int place = lateAt; place < memory.stored.size(); place++) {
      byte[] before = place == 0 ? new byte[32] : memory.stored.get(place - 1).head;
      byte[] record =
          BookRecord.parseFrom(memory.stored.get(place).record).toBuilder()
              .setAt(unix)
              .build()
              .toByteArray();
      memory.stored.set(place, new Stored(record, Book.head(before, record)));
      book.heads.set(place, memory.stored.get(place).head);
    }
  }

  /**
   * When a storage is late: from which append on, counted from an input, and the happening that
   * answers, 0 without one. A question for rows, which this client never asks, makes it late before
   * the input: from is 0 then.
   */
  private static final class Late {
    final int from;
    int until;

    Late(int from) {
      this.from = from;
    }
  }

  /** The inputs whose question to the book has its answer behind another input, or never. */
  private static Map<Integer, Late> lateAppends(List<JsonObject> happenings) {
    Map<Integer, Late> found = new HashMap<>();
    int input = 0;
    int count = 0;
    String asked = null;
    Late open = null;
    for (int at = 0; at <= happenings.size(); at++) {
      String name = at < happenings.size() ? name(happenings.get(at)) : "the end";
      if (QUESTIONS.contains(name)) {
        asked = name;
        count += name.equals("persist") ? 1 : 0;
      } else if (ANSWERS.contains(name)) {
        asked = null;
        if (open != null) {
          open.until = at;
          open = null;
        }
      } else if (at == happenings.size() || happenings.get(at).has("in")) {
        if (asked != null && open == null) {
          open = new Late(asked.equals("persist") ? count : 0);
          found.put(input, open);
        }
        input = at;
        count = 0;
      }
    }
    return found;
  }

  private static String name(JsonObject happening) {
    JsonObject both = happening.getAsJsonObject(happening.has("in") ? "in" : "out");
    return new ArrayList<>(both.keySet()).get(0);
  }
}
