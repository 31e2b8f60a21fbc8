package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A book in one file, in the form of an export (BOK-52). The last record of a batch says that it is
 * whole; what a kill left of another one is cut off.
 */
public final class FileStorage implements Storage, Closeable {
  /** What {@code append} writes, to the byte: a line that is anything else was damaged. */
  private static final Pattern LINE =
      Pattern.compile(
          "\\{\"seq\": ([0-9]{1,18}), \"head\": \"([0-9a-f]{64})\", \"record\": \"([0-9a-f]+)\""
              + "(, \"whole\": true)?\\}");

  private static final String WHOLE = "\"whole\": true}";

  private final RandomAccessFile file;
  private long next = 1;

  /**
   * Takes the lock of the file.
   *
   * @throws IOException also if another program has it
   */
  public FileStorage(File path) throws IOException {
    file = new RandomAccessFile(path, "rw");
    FileLock lock;
    try {
      lock = file.getChannel().tryLock();
    } catch (OverlappingFileLockException error) {
      lock = null;
    }
    if (lock == null) {
      file.close();
      throw new IOException(path + ": another program writes this book");
    }
  }

  /**
   * Every record of whole batches. Lines at the end whose batch did not become whole, and what
   * follows the last line feed, are what a kill leaves of a batch that nobody was told of: they are
   * cut off.
   *
   * @throws Broken for anything else that no append has written: such a file was damaged
   */
  @Override
  public List<Stored> load() throws IOException, Broken {
    byte[] data = new byte[(int) file.length()];
    file.seek(0);
    file.readFully(data);
    String text = new String(data, US_ASCII);
    List<Stored> whole = new ArrayList<>();
    List<Stored> pending = new ArrayList<>();
    int end = 0;
    int at = 0;
    for (int stop = text.indexOf('\n'); stop >= 0; stop = text.indexOf('\n', at)) {
      boolean isLast = take(text.substring(at, stop), whole.size() + pending.size() + 1, pending);
      at = stop + 1;
      if (isLast) {
        whole.addAll(pending);
        pending.clear();
        end = at;
      }
    }
    String torn = text.substring(at);
    boolean isDamaged = torn.contains(WHOLE) && !torn.endsWith(WHOLE);
    // The first record of a book is a batch of its own.
    if (isDamaged || (whole.isEmpty() && !pending.isEmpty())) {
      throw new Broken(whole.size() + 1, "not canonical");
    }
    if (end < data.length) {
      file.setLength(end);
      file.getChannel().force(true);
    }
    next = whole.size() + 1;
    return whole;
  }

  /** Takes a line; whether it is the last one of its batch. */
  private static boolean take(String text, int seq, List<Stored> into) throws Broken {
    Matcher line = LINE.matcher(text);
    if (!line.matches() || line.group(3).length() % 2 != 0) {
      throw new Broken(seq, "not canonical");
    }
    if (Long.parseLong(line.group(1)) != seq) {
      throw new Broken(seq, "sequence number");
    }
    into.add(new Stored(Bytes.unhex(line.group(3)), Bytes.unhex(line.group(2))));
    return line.group(4) != null;
  }

  @Override
  public void append(List<Stored> batch) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int place = 0; place < batch.size(); place++) {
      Stored stored = batch.get(place);
      text.append("{\"seq\": ")
          .append(next + place)
          .append(", \"head\": \"")
          .append(Bytes.hex(stored.head))
          .append("\", \"record\": \"")
          .append(Bytes.hex(stored.record))
          .append(place == batch.size() - 1 ? "\", " + WHOLE + "\n" : "\"}\n");
    }
    file.seek(file.length());
    file.write(text.toString().getBytes(US_ASCII));
    file.getChannel().force(true);
    next += batch.size();
  }

  /** Gives the lock back. */
  @Override
  public void close() throws IOException {
    file.close();
  }
}
