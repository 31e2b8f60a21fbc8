package hispos.client.transport;

import hispos.client.Timers;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.concurrent.TimeUnit;

/**
 * A serial port or pseudo-terminal of a Linux system, by its path. The command {@code stty} sets it;
 * other systems and Android bring a {@link Line} of their own.
 *
 * <p>A program that leads its session without a terminal, as a service may, gets the port as its
 * controlling terminal, and a hangup with the plug: start it by {@code nohup}.
 */
public final class SerialLine {
  private SerialLine() {}

  /** Opens the port raw, 8 data bits, no parity, 1 stop bit, and lets it settle (FRM-1 to FRM-4). */
  public static Line open(String path, int baud) throws IOException {
    File device = new File(path);
    if (!device.exists() || device.isFile()) {
      // Opening would make a file in the place of a port that is pulled, and the port could not come back.
      throw new IOException("no port at " + path);
    }
    // Before it is opened: a port that is not raw yet sends back what comes, and one that is not local
    // lets nobody in without a carrier (FRM-4).
    set(path, baud);
    RandomAccessFile port = new RandomAccessFile(path, "rw");
    try {
      // A driver may have forgotten it in between.
      set(path, baud);
      TimeUnit.MILLISECONDS.sleep(Timers.LINE_SETTLE);
    } catch (IOException error) {
      port.close();
      throw error;
    } catch (InterruptedException error) {
      port.close();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", error);
    }
    return new StreamLine(
        new FileInputStream(port.getFD()), new FileOutputStream(port.getFD()), port);
  }

  private static void set(String path, int baud) throws IOException {
    Process stty =
        new ProcessBuilder(
                "stty", "-F", path, Integer.toString(baud), "raw", "-echo", "cs8", "-parenb",
                "-cstopb", "clocal", "cread", "-crtscts")
            .redirectErrorStream(true)
            .start();
    try {
      if (stty.waitFor() != 0) {
        throw new IOException("stty cannot set " + path);
      }
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", error);
    }
  }
}
