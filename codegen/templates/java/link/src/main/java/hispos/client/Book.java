package hispos.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.BookRecord;
import hispos.client.messages.BookStart;
import hispos.client.messages.Table;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A book: a chain of records that is only appended to, each holding the newest state of one row
 * (books). One process writes it (BOK-9).
 */
public final class Book {
  /** The length of an anchor. */
  static final int ANCHOR_BYTES = 24;

  private static final Key START = new Key(Table.TABLE_BOOK, "start");
  private static final int ID_BYTES = 8;

  private final Storage storage;
  private final UnixClock clock;
  final List<byte[]> heads = new ArrayList<>();
  private final Map<Key, Row> rows = new LinkedHashMap<>();
  private final List<Begin> begins = new ArrayList<>();
  private final List<Watcher> watchers = new ArrayList<>();
  private BookFailed failed;
  private int durable;

  /** Table and key of a row. */
  static final class Key {
    final Table table;
    final String key;

    Key(Table table, String key) {
      this.table = table;
      this.key = key;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key
          && table == ((Key) other).table
          && key.equals(((Key) other).key);
    }

    @Override
    public int hashCode() {
      return Objects.hash(table, key);
    }
  }

  private static final class Row {
    final long version;
    final ByteString bytes;

    Row(long version, ByteString bytes) {
      this.version = version;
      this.bytes = bytes;
    }
  }

  /** Where a book id begins. */
  private static final class Begin {
    final long seq;
    final byte[] id;

    Begin(long seq, byte[] id) {
      this.seq = seq;
      this.id = id;
    }
  }

  /** Whether a book has an anchor (BOK-22). */
  enum Containment {
    CONTAINED,
    DECLARED,
    MISSING
  }

  /** Sees every row that becomes durable, and those that were. */
  interface Watcher {
    void changed(Table table, String key, ByteString row);
  }

  /** Loads and verifies everything (BOK-51). */
  public Book(Storage storage, UnixClock clock) throws IOException, Broken {
    this.storage = storage;
    this.clock = clock;
    List<Stored> stored = storage.load();
    List<BookRecord> records = verify(stored);
    for (int place = 0; place < stored.size(); place++) {
      take(records.get(place), stored.get(place).head);
    }
    durable = heads.size();
  }

  /** The head behind a record (books, section "The chain"). */
  static byte[] head(byte[] before, byte[] record) {
    return Hashes.sha256(Labels.RECORD.bytes(), new byte[1], before, record);
  }

  /** The records of a whole chain (BOK-47, BOK-48). */
  static List<BookRecord> verify(List<Stored> chain) throws Broken {
    List<BookRecord> found = new ArrayList<>();
    byte[] before = new byte[32];
    for (Stored stored : chain) {
      long seq = found.size() + 1;
      if (Canonical.failingStep("BookRecord", stored.record) != 0) {
        throw new Broken(seq, "not canonical");
      }
      BookRecord record = Bytes.parsed(BookRecord.parser(), stored.record);
      if (record.getSeq() != seq) {
        throw new Broken(seq, "sequence number");
      }
      before = head(before, stored.record);
      if (!Arrays.equals(before, stored.head)) {
        throw new Broken(seq, "head");
      }
      boolean isStart = record.getTable() == Table.TABLE_BOOK;
      if ((seq == 1 || isStart) && !(isStart && bookId(record) != null)) {
        throw new Broken(seq, "no BookStart");
      }
      found.add(record);
    }
    return found;
  }

  /** The book id of a BookStart row, or null (BOK-48). */
  private static byte[] bookId(BookRecord record) {
    try {
      byte[] id = Bytes.of(BookStart.parseFrom(record.getRow()).getBook());
      return record.getKey().equals(START.key) && id.length == ID_BYTES ? id : null;
    } catch (InvalidProtocolBufferException error) {
      return null;
    }
  }

  private void take(BookRecord record, byte[] head) {
    heads.add(head);
    rows.put(
        new Key(record.getTable(), record.getKey()), new Row(record.getSeq(), record.getRow()));
    if (record.getTable() == Table.TABLE_BOOK) {
      begins.add(new Begin(record.getSeq(), bookId(record)));
    }
    for (Watcher watcher : watchers) {
      watcher.changed(record.getTable(), record.getKey(), record.getRow());
    }
  }

  /** Adds a watcher, and shows it every row that is there. */
  void watch(Watcher watcher) {
    for (Map.Entry<Key, Row> row : rows.entrySet()) {
      watcher.changed(row.getKey().table, row.getKey().key, row.getValue().bytes);
    }
    watchers.add(watcher);
  }

  /** Whether it has no record yet. */
  public boolean isNew() {
    return heads.isEmpty();
  }

  /** The calendar clock, in seconds; 0 without one. */
  long unix() {
    return clock.seconds();
  }

  /** Writes the first record, under 8 random bytes (BOK-19, BOK-20). */
  void begin(byte[] id) {
    Batch batch = new Batch(this);
    batch.put(
        START.table, START.key, BookStart.newBuilder().setBook(Bytes.field(id)).build());
    batch.commit();
  }

  /** The first record behind a declared restore (BOK-20, BOK-21), as a part of a batch. */
  void restore(Batch batch, byte[] id) {
    batch.put(
        START.table,
        START.key,
        BookStart.newBuilder()
            .setBook(Bytes.field(id))
            .setPredecessor(Bytes.field(begins.get(begins.size() - 1).id))
            .setForkSeq(heads.size())
            .setForkHead(Bytes.field(Bytes.part(heads.get(heads.size() - 1), 0, 8)))
            .build());
  }

  /** The newest state of a row, or null. */
  ByteString get(Table table, String key) {
    Row row = rows.get(new Key(table, key));
    return row == null ? null : row.bytes;
  }

  /** The rows of a table, in the order of their first records (BOK-10). */
  Map<String, ByteString> rows(Table table) {
    Map<String, ByteString> found = new LinkedHashMap<>();
    for (Map.Entry<Key, Row> row : rows.entrySet()) {
      if (row.getKey().table == table) {
        found.put(row.getKey().key, row.getValue().bytes);
      }
    }
    return found;
  }

  /** The sequence number of a row's latest record, 0 if it was never written. */
  long version(Table table, String key) {
    Row row = rows.get(new Key(table, key));
    return row == null ? 0 : row.version;
  }

  /** The latest sequence number. */
  long seq() {
    return heads.size();
  }

  /** Appends a batch, durable as a whole (BOK-5, BOK-6). */
  void commit(Map<Key, Long> reads, Map<Key, ByteString> writes) {
    if (failed != null) {
      throw failed;
    }
    for (Map.Entry<Key, Long> read : reads.entrySet()) {
      if (version(read.getKey().table, read.getKey().key) != read.getValue()) {
        throw new Stale();
      }
    }
    byte[] before = heads.isEmpty() ? new byte[32] : heads.get(heads.size() - 1);
    List<Stored> batch = new ArrayList<>();
    List<BookRecord> records = new ArrayList<>();
    for (Map.Entry<Key, ByteString> write : writes.entrySet()) {
      BookRecord record =
          BookRecord.newBuilder()
              .setSeq(heads.size() + batch.size() + 1)
              .setTable(write.getKey().table)
              .setKey(write.getKey().key)
              .setRow(write.getValue())
              .setAt(unix())
              .build();
      byte[] data = record.toByteArray();
      try {
        Canonical.validate("BookRecord", data);
      } catch (NotCanonical error) {
        throw new IllegalArgumentException("a row that no record holds", error);
      }
      before = head(before, data);
      batch.add(new Stored(data, before));
      records.add(record);
    }
    try {
      storage.append(batch);
    } catch (IOException error) {
      failed = new BookFailed(error);
      throw failed;
    }
    for (int place = 0; place < batch.size(); place++) {
      take(records.get(place), batch.get(place).head);
    }
    isDurable();
  }

  /** Whether all that was committed is durable: a link tells nothing before (ORD-7, ORD-8). */
  boolean isDurable() {
    if (storage instanceof LateStorage && !((LateStorage) storage).isDurable()) {
      return false;
    }
    durable = heads.size();
    return true;
  }

  /** The anchor of the latest durable record (BOK-17, BOK-18); empty if none is durable yet. */
  byte[] anchor() {
    isDurable();
    if (durable == 0) {
      return Bytes.NONE;
    }
    return Bytes.concat(
        id(), Bytes.number(durable, 8), Bytes.part(heads.get(durable - 1), 0, 8));
  }

  /** The id of the book as it is now. */
  byte[] id() {
    return begins.get(begins.size() - 1).id;
  }

  /** Whether it has an anchor (BOK-22). */
  Containment containment(byte[] anchor) {
    if (anchor.length != ANCHOR_BYTES) {
      return Containment.CONTAINED;
    }
    byte[] id = Bytes.part(anchor, 0, ID_BYTES);
    int place = 0;
    while (place < begins.size() && !Arrays.equals(begins.get(place).id, id)) {
      place++;
    }
    if (place == begins.size()) {
      return Containment.MISSING;
    }
    long seq = Bytes.number(anchor, ID_BYTES, 8);
    boolean isBehindFork =
        place + 1 < begins.size()
            && Long.compareUnsigned(seq, begins.get(place + 1).seq - 1) > 0;
    if (isBehindFork) {
      return Containment.DECLARED;
    }
    boolean isThere =
        seq >= 1
            && seq <= heads.size()
            && Arrays.equals(
                Bytes.part(heads.get((int) seq - 1), 0, 8),
                Bytes.part(anchor, ID_BYTES + 8, ANCHOR_BYTES));
    return isThere ? Containment.CONTAINED : Containment.MISSING;
  }
}
