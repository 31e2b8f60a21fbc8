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
  private static final Pattern LINE =
      Pattern.compile(
          "\\{\"seq\": ?[0-9]+, ?\"head\": ?\"([0-9a-f]{64})\", ?\"record\": ?\"([0-9a-f]+)\""
              + "(, ?\"whole\": ?true)?\\}");
  private static final String WHOLE = "\"whole\": true}\n";

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
    while (at < text.length()) {
      int stop = text.indexOf('\n', at);
      Matcher line = LINE.matcher(stop < 0 ? "" : text.substring(at, stop));
      if (!line.matches() || line.group(2).length() % 2 != 0) {
        break;
      }
      pending.add(new Stored(Bytes.unhex(line.group(2)), Bytes.unhex(line.group(1))));
      at = stop + 1;
      if (line.group(3) != null) {
        whole.addAll(pending);
        pending.clear();
        end = at;
      }
    }
    if (text.indexOf(WHOLE, end) >= 0) {
      throw new Broken(whole.size() + 1, "not canonical");
    }
    if (end < data.length) {
      file.setLength(end);
      file.getChannel().force(true);
    }
    next = whole.size() + 1;
    return whole;
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
          .append(place == batch.size() - 1 ? "\", " + WHOLE : "\"}\n");
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
