package hispos.client;

/** The public keys of the peers that an end knows (KEX-2). */
public interface Registry {
  /** The key of an id, or null. */
  byte[] key(String id);
}
