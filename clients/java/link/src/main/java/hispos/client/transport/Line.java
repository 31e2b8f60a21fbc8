package hispos.client.transport;

import java.io.Closeable;
import java.io.IOException;

/**
 * One opening of a line. It knows nothing of the protocol (framing, "The line"). Android's USB and a
 * vendor's own ports stand behind the same three calls.
 */
public interface Line extends Closeable {
  /**
   * What has come within a time; empty if nothing has.
   *
   * @throws IOException if the line is gone
   */
  byte[] read(long milliseconds) throws IOException;

  /**
   * Sends bytes.
   *
   * @throws IOException if the line is gone
   */
  void write(byte[] data) throws IOException;

  @Override
  void close();
}
