package hispos.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import hispos.client.messages.Table;
import java.util.LinkedHashMap;
import java.util.Map;

/** The rows that one step has read, and those that it writes as a whole. */
final class Batch {
  private final Book book;
  private final Map<Book.Key, Long> reads = new LinkedHashMap<>();
  private final Map<Book.Key, ByteString> writes = new LinkedHashMap<>();

  Batch(Book book) {
    this.book = book;
  }

  /** A row as the step sees it, or null. */
  ByteString get(Table table, String key) {
    read(table, key);
    ByteString written = writes.get(new Book.Key(table, key));
    return written != null ? written : book.get(table, key);
  }

  /** The same as a message; an empty one if there is no row. */
  <T> T get(Table table, String key, Parser<T> parser) {
    ByteString row = get(table, key);
    return Bytes.parsed(parser, row == null ? ByteString.EMPTY : row);
  }

  /** Whether there is such a row. */
  boolean has(Table table, String key) {
    return get(table, key) != null;
  }

  /** Notes that the step rests on a row. */
  void read(Table table, String key) {
    Book.Key name = new Book.Key(table, key);
    if (!reads.containsKey(name)) {
      reads.put(name, book.version(table, key));
    }
  }

  /** A row that the step writes. */
  void put(Table table, String key, MessageLite row) {
    writes.put(new Book.Key(table, key), row.toByteString());
  }

  /** A row that is no message of the link. */
  void put(Table table, String key, ByteString row) {
    writes.put(new Book.Key(table, key), row);
  }

  /** The rows of a table that the step writes, by their keys. */
  Map<String, ByteString> written(Table table) {
    Map<String, ByteString> found = new LinkedHashMap<>();
    for (Map.Entry<Book.Key, ByteString> write : writes.entrySet()) {
      if (write.getKey().table == table) {
        found.put(write.getKey().key, write.getValue());
      }
    }
    return found;
  }

  /** Makes it durable; an empty one writes nothing. */
  void commit() {
    if (!writes.isEmpty()) {
      book.commit(reads, writes);
    }
  }
}
