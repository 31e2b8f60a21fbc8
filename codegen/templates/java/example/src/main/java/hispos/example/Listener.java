package hispos.example;

import hispos.client.transport.Line;
import hispos.client.transport.Loop;
import hispos.client.transport.TcpLine;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Takes TCP streams at a port of this machine. What fails is told and tried again, for as long as
 * the program runs.
 */
final class Listener implements Loop.Opener {
  private static final long AGAIN = 1000;

  private final int port;
  private final AtomicReference<Socket> newest = new AtomicReference<>();

  /** Listens from now on, or as soon as the port is free. */
  Listener(int port) {
    this.port = port;
    ServerSocket bound = bind();
    Thread thread = new Thread(() -> listen(bound), "hispos-listener");
    thread.setDaemon(true);
    thread.start();
  }

  private ServerSocket bind() {
    try {
      return new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
    } catch (IOException error) {
      Program.tell("cannot listen at port " + port + ": " + error.getMessage());
      return null;
    }
  }

  private void listen(ServerSocket first) {
    for (ServerSocket server = first; ; server = bind()) {
      try {
        while (server != null) {
          take(server.accept());
        }
      } catch (IOException error) {
        Program.tell("cannot accept at port " + port + ": " + error.getMessage());
        Program.close(server);
      }
      if (!Program.sleep(AGAIN)) {
        return;
      }
    }
  }

  private void take(Socket socket) {
    Program.close(newest.getAndSet(socket));
  }

  /** Whether a newer stream waits: the one before may be dead without a word. */
  boolean hasNewer() {
    return newest.get() != null;
  }

  @Override
  public Line open() throws IOException {
    Socket socket = newest.getAndSet(null);
    return socket == null ? null : new TcpLine(socket);
  }
}
