package hispos.client;

/** A row that a batch had read has changed: nothing was written (BOK-6). */
public final class Stale extends RuntimeException {
  private static final long serialVersionUID = 1L;

  Stale() {
    super("a row has changed since it was read");
  }
}
