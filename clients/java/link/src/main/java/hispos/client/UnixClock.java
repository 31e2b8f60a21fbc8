package hispos.client;

/** The calendar clock of the machine. */
public interface UnixClock {
  /** Seconds since 1970-01-01T00:00:00Z; 0 where there is no such clock. */
  long seconds();
}
