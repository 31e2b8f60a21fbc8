package hispos.client;

import hispos.client.messages.Agreement;
import java.util.List;

/** A serving agreement: its hash, and the versions and suites that it lists. */
public final class Terms {
  final byte[] hash;
  final List<Integer> versions;
  final List<Integer> suites;

  /**
   * Those of an agreement.
   *
   * @param hash over the payload of its file as received
   */
  public Terms(byte[] hash, Agreement agreement) {
    this(hash, agreement.getVersionsList(), agreement.getSuitesList());
  }

  Terms(byte[] hash, List<Integer> versions, List<Integer> suites) {
    this.hash = hash;
    this.versions = versions;
    this.suites = suites;
  }
}
