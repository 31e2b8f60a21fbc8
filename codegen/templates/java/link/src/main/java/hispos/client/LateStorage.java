package hispos.client;

/**
 * A storage whose {@code append} may return before the batch is durable, as one that writes in a
 * thread of its own does.
 *
 * <p>While {@link #isDurable} says no, links hold back what rests on the batch. When it says yes
 * again, the program calls their {@code persisted}, in their thread. A batch that can never be made
 * durable ends the program, which starts anew (ORD-10).
 */
public interface LateStorage extends Storage {
  /** Whether all that was appended is durable. */
  boolean isDurable();
}
