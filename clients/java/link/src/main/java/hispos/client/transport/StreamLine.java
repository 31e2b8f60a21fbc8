package hispos.client.transport;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A line over a pair of streams, with a thread that reads. */
public class StreamLine implements Line {
  private static final byte[] NONE = {};
  private static final byte[] GONE = {0};

  private final LinkedBlockingQueue<byte[]> received = new LinkedBlockingQueue<>(64);
  private final InputStream input;
  private final OutputStream output;
  private final Closeable whole;
  private boolean isGone;

  /**
   * Begins to read.
   *
   * @param whole what closes both streams
   */
  public StreamLine(InputStream input, OutputStream output, Closeable whole) {
    this.input = input;
    this.output = output;
    this.whole = whole;
    Thread reader = new Thread(this::pump, "hispos-line");
    reader.setDaemon(true);
    reader.start();
  }

  private void pump() {
    byte[] buffer = new byte[4096];
    try {
      try {
        for (int length = input.read(buffer); length >= 0; length = input.read(buffer)) {
          received.put(Arrays.copyOf(buffer, length));
        }
      } catch (IOException error) {
        // The line is gone: the reader finds it behind what came before.
      }
      received.put(GONE);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public byte[] read(long milliseconds) throws IOException {
    byte[] data = null;
    try {
      data = isGone ? GONE : received.poll(Math.max(0, milliseconds), TimeUnit.MILLISECONDS);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
    if (data == GONE) {
      isGone = true;
      throw new IOException("the line is gone");
    }
    return data == null ? NONE : data;
  }

  @Override
  public void write(byte[] data) throws IOException {
    output.write(data);
    output.flush();
  }

  @Override
  public void close() {
    try {
      whole.close();
    } catch (IOException error) {
      // It is closed all the same.
    }
  }
}
