package hispos.client.transport;

import hispos.client.Link;
import hispos.client.LinkEvent;
import java.io.IOException;

/**
 * One link on one line, driven by the calling thread: bytes in, bytes out, events, time. The line is
 * opened again when it is gone.
 */
public final class Loop {
  private static final long REOPEN = 1000;
  private static final long LONGEST = 500;

  private final Link link;
  private final Opener opener;
  private Line line;
  private long openFrom;

  /** Opens the line. */
  public interface Opener {
    /** One opening more, or null while there is none. */
    Line open() throws IOException;
  }

  /** Hears what happens. */
  public interface Listener {
    /** Whether this event is the one that was waited for. */
    boolean heard(LinkEvent event);
  }

  /** A loop over a line that is opened with the first step. */
  public Loop(Link link, Opener opener) {
    this.link = link;
    this.opener = opener;
  }

  /**
   * Runs until the listener has heard what it wants, or the time is over.
   *
   * @return whether it was heard
   */
  public boolean run(long milliseconds, Listener listener) {
    long end = BootClock.now() + milliseconds;
    while (BootClock.now() < end) {
      if (step(listener)) {
        return true;
      }
    }
    return false;
  }

  /** One step: what is due, and what comes within a time. */
  public boolean step(Listener listener) {
    return step(listener, LONGEST);
  }

  /**
   * The same.
   *
   * @param longest how long this step waits at most, in milliseconds
   */
  public boolean step(Listener listener, long longest) {
    if (line == null) {
      open();
    }
    link.onTimer(BootClock.now());
    boolean isHeard = flush(listener);
    if (isHeard) {
      return true;
    }
    long due = link.nextTimer();
    long wait = due == Long.MAX_VALUE ? longest : due - BootClock.now();
    try {
      if (line == null) {
        Thread.sleep(Math.max(1, Math.min(wait, longest)));
        return false;
      }
      byte[] received = line.read(Math.max(0, Math.min(wait, longest)));
      if (received.length > 0) {
        link.feed(received, BootClock.now());
        return flush(listener);
      }
    } catch (IOException error) {
      lost();
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  private void open() {
    if (BootClock.now() < openFrom) {
      return;
    }
    try {
      line = opener.open();
      if (line != null) {
        link.opened(BootClock.now());
      }
    } catch (IOException error) {
      openFrom = BootClock.now() + REOPEN;
    }
  }

  /** The line is gone: the session with it, and no order. */
  private void lost() {
    line.close();
    line = null;
    link.closed(BootClock.now());
    openFrom = BootClock.now() + REOPEN;
  }

  private boolean flush(Listener listener) {
    for (byte[] data = link.pollTransmit(); data != null; data = link.pollTransmit()) {
      try {
        if (line != null) {
          line.write(data);
        }
      } catch (IOException error) {
        lost();
        break;
      }
    }
    boolean isHeard = false;
    for (LinkEvent event = link.pollEvent(); event != null; event = link.pollEvent()) {
      isHeard |= listener.heard(event);
    }
    return isHeard;
  }

  /** Gives the line up; the next step opens it again. */
  public void reopen() {
    if (line != null) {
      lost();
    }
    openFrom = BootClock.now();
  }

  /** Sends what is left, and closes the line. */
  public void close() {
    flush(event -> false);
    if (line != null) {
      lost();
    }
  }
}
