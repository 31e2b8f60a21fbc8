package hispos.client.transport;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;

/** A TCP stream. */
public final class TcpLine extends StreamLine {
  /** Over an accepted or dialled socket. */
  public TcpLine(Socket socket) throws IOException {
    super(socket.getInputStream(), socket.getOutputStream(), socket);
    socket.setTcpNoDelay(true);
  }

  /** Dials. */
  public static TcpLine dial(String host, int port, int milliseconds) throws IOException {
    Socket socket = new Socket();
    try {
      socket.connect(new InetSocketAddress(host, port), milliseconds);
    } catch (IOException error) {
      socket.close();
      throw error;
    }
    return new TcpLine(socket);
  }
}
