package hispos.client.transport;

import java.io.IOException;

/** Lines by name. */
public final class Lines {
  private static final int BAUD = 115_200;
  private static final int DIAL_MILLISECONDS = 10_000;

  private Lines() {}

  /**
   * {@code tcp:HOST:PORT} or {@code serial:PATH}.
   *
   * @throws IllegalArgumentException for another name
   */
  public static Line open(String name) throws IOException {
    if (name.startsWith("serial:")) {
      return SerialLine.open(name.substring("serial:".length()), BAUD);
    }
    int colon = name.lastIndexOf(':');
    if (!name.startsWith("tcp:") || colon <= 4 || !name.substring(colon + 1).matches("[0-9]{1,5}")) {
      throw new IllegalArgumentException("a line is tcp:HOST:PORT or serial:PATH");
    }
    int port = Integer.parseInt(name.substring(colon + 1));
    return TcpLine.dial(name.substring(4, colon), port, DIAL_MILLISECONDS);
  }
}
