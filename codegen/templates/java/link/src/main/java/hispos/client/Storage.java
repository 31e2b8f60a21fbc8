package hispos.client;

import java.io.IOException;
import java.util.List;

/**
 * Where a book lies. What it has appended survives a power cut (BOK-7).
 *
 * <p>{@link FileStorage} is the default. Another one may be a table of a database: one transaction
 * for each batch.
 */
public interface Storage {
  /** Every record, from the first. */
  List<Stored> load() throws IOException, Broken;

  /**
   * Makes a batch durable as a whole, or throws and leaves none of it (BOK-5). Nothing that the batch
   * caused goes out before it returns; see {@link LateStorage} for one that does not wait.
   */
  void append(List<Stored> batch) throws IOException;
}
