package hispos.client;

/**
 * One end on one line, without input or output of its own: fed bytes and instants, polled for bytes
 * and events. Instants are milliseconds of a clock that runs since the boot of the machine (ORD-1).
 */
public interface Link {
  /** A stream is open; a serial line has settled (FRM-3). */
  void opened(long now);

  /** The stream is gone, and what lived on it (FRM-33). */
  void closed(long now);

  /** Takes bytes of the line, in pieces of any size. */
  void feed(byte[] data, long now);

  /** Does what is due. */
  void onTimer(long now);

  /** The next bytes for the line, or null. */
  byte[] pollTransmit();

  /** The next event, or null. */
  LinkEvent pollEvent();

  /** The instant at which {@code onTimer} has something to do; {@code Long.MAX_VALUE}: none. */
  long nextTimer();
}
