package hispos.client;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import hispos.client.messages.BillRow;
import hispos.client.messages.Table;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/** The ledger's file: what a kill may leave of it. */
public class FileStorageTest {
  private static final UnixClock CLOCK = () -> 1;

  @Rule public TemporaryFolder folder = new TemporaryFolder();

  private File path;
  private byte[] anchor;

  /** A book with three records, in two batches. */
  @Before
  public void write() throws Exception {
    path = new File(folder.getRoot(), "ledger.jsonl");
    try (FileStorage storage = new FileStorage(path)) {
      Book book = new Book(storage, CLOCK);
      book.begin(new byte[] {0, 1, 2, 3, 4, 5, 6, 7});
      Batch batch = new Batch(book);
      batch.put(Table.TABLE_BILL, "A", BillRow.newBuilder().setOrders(1).build());
      batch.put(Table.TABLE_BILL, "B", BillRow.newBuilder().setOrders(2).build());
      batch.commit();
      anchor = book.anchor();
    }
  }

  @Test
  public void aBookIsTheSameBehindARestart() throws Exception {
    try (FileStorage storage = new FileStorage(path)) {
      Book book = new Book(storage, CLOCK);
      assertArrayEquals(anchor, book.anchor());
      assertEquals(2, BillRow.parseFrom(book.get(Table.TABLE_BILL, "B")).getOrders());
      assertEquals(3, book.version(Table.TABLE_BILL, "B"));
    }
  }

  @Test
  public void everyCutOfTheLastBatchLeavesTheOneBefore() throws Exception {
    byte[] whole = Files.readAllBytes(path.toPath());
    int first = new String(whole, StandardCharsets.US_ASCII).indexOf('\n') + 1;
    for (int end = first; end < whole.length; end++) {
      Files.write(path.toPath(), Arrays.copyOf(whole, end));
      try (FileStorage storage = new FileStorage(path)) {
        Book book = new Book(storage, CLOCK);
        assertEquals("" + end, 0, book.version(Table.TABLE_BILL, "A"));
        Batch batch = new Batch(book);
        batch.put(Table.TABLE_BILL, "C", BillRow.newBuilder().setOrders(3).build());
        batch.commit();
      }
      try (FileStorage storage = new FileStorage(path)) {
        assertEquals("" + end, 2, new Book(storage, CLOCK).version(Table.TABLE_BILL, "C"));
      }
    }
  }

  @Test
  public void aFlippedBitOfALastBatchIsFoundAndNothingIsCutOff() throws Exception {
    byte[] whole = Files.readAllBytes(path.toPath());
    int first = new String(whole, StandardCharsets.US_ASCII).indexOf('\n') + 1;
    for (int bit = 8 * first; bit < 8 * whole.length; bit++) {
      byte[] changed = whole.clone();
      changed[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(path.toPath(), changed);
      try (FileStorage storage = new FileStorage(path)) {
        assertThrows("bit " + bit, Broken.class, () -> new Book(storage, CLOCK));
      }
      assertArrayEquals("bit " + bit, changed, Files.readAllBytes(path.toPath()));
    }
  }

  @Test
  public void aFileThatWritesNoBatchesWholeIsNotTakenForATornOne() throws Exception {
    String text = new String(Files.readAllBytes(path.toPath()), StandardCharsets.US_ASCII);
    byte[] export = text.replace(", \"whole\": true", "").getBytes(StandardCharsets.US_ASCII);
    Files.write(path.toPath(), export);
    try (FileStorage storage = new FileStorage(path)) {
      assertThrows(Broken.class, () -> new Book(storage, CLOCK));
    }
    assertArrayEquals(export, Files.readAllBytes(path.toPath()));
  }

  @Test
  public void aChangedRecordIsFound() throws Exception {
    String text = new String(Files.readAllBytes(path.toPath()), StandardCharsets.US_ASCII);
    for (String changed :
        new String[] {text.replaceFirst("\"record\": \"08", "\"record\": \"18"), "x" + text}) {
      Files.write(path.toPath(), changed.getBytes(StandardCharsets.US_ASCII));
      try (FileStorage storage = new FileStorage(path)) {
        assertThrows(Broken.class, () -> new Book(storage, CLOCK));
      }
    }
  }

  @Test
  public void aStepOverAChangedRowIsStaleAndWritesNothing() throws Exception {
    try (FileStorage storage = new FileStorage(path)) {
      Book book = new Book(storage, CLOCK);
      Batch early = new Batch(book);
      early.get(Table.TABLE_BILL, "A");
      early.put(Table.TABLE_BILL, "A", BillRow.newBuilder().setOrders(9).build());
      Batch late = new Batch(book);
      late.put(Table.TABLE_BILL, "A", BillRow.newBuilder().setOrders(8).build());
      late.commit();
      assertThrows(Stale.class, early::commit);
      assertEquals(4, book.seq());
    }
  }

  @Test
  public void twoProgramsDoNotWriteOneBook() throws Exception {
    try (FileStorage storage = new FileStorage(path)) {
      assertEquals(3, storage.load().size());
      assertThrows(IOException.class, () -> new FileStorage(path));
    }
  }

  @Test
  public void aFailedWriteEndsTheBook() throws Exception {
    BookVectors.Memory memory = new BookVectors.Memory();
    boolean[] fails = new boolean[1];
    Storage storage =
        new Storage() {
          @Override
          public java.util.List<Stored> load() {
            return memory.load();
          }

          @Override
          public void append(java.util.List<Stored> batch) throws IOException {
            if (fails[0]) {
              throw new IOException("full");
            }
            memory.append(batch);
          }
        };
    Book book = new Book(storage, CLOCK);
    book.begin(new byte[8]);
    fails[0] = true;
    Batch batch = new Batch(book);
    batch.put(Table.TABLE_BILL, "A", BillRow.newBuilder().setOrders(1).build());
    assertThrows(BookFailed.class, batch::commit);
    fails[0] = false;
    assertThrows(BookFailed.class, batch::commit);
    assertEquals(1, book.seq());
  }
}
