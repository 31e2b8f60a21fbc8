package hispos.client;

/** Random bytes of the operating system (KEX-6), such as those of {@code SecureRandom}. */
public interface Draw {
  /** So many fresh bytes. */
  byte[] draw(int length);
}
