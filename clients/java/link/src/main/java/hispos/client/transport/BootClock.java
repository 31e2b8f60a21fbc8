package hispos.client.transport;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;

/**
 * Milliseconds since the boot of the machine, running during sleep (ORD-1). On Android, {@code
 * SystemClock.elapsedRealtime()} is this clock.
 */
public final class BootClock {
  private static final long OFFSET = uptime() - System.nanoTime() / 1_000_000;
  private static final boolean HAS_UPTIME = uptime() >= 0;

  private BootClock() {}

  /**
   * The instant. Between two readings of the system's own file it runs by {@code nanoTime}; the
   * file corrects it where the machine slept.
   */
  public static synchronized long now() {
    long counted = System.nanoTime() / 1_000_000 + OFFSET;
    if (!HAS_UPTIME) {
      return counted;
    }
    long read = uptime();
    last = Math.max(last, read - counted > SLEPT ? read : counted);
    return last;
  }

  private static final long SLEPT = 1000;
  private static long last;

  private static long uptime() {
    try (BufferedReader file = new BufferedReader(new FileReader("/proc/uptime"))) {
      String text = file.readLine();
      return (long) (Double.parseDouble(text.substring(0, text.indexOf(' '))) * 1000);
    } catch (IOException | RuntimeException error) {
      return -1;
    }
  }
}
