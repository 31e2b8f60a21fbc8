package hispos.client;

/**
 * The storage could not make a batch durable: nothing of it counts, and the book takes nothing more
 * until the program starts again.
 */
public final class BookFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BookFailed(Throwable cause) {
    super("the book cannot be written", cause);
  }
}
