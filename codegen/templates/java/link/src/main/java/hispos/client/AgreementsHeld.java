package hispos.client;

import hispos.client.messages.AgreedTimers;
import hispos.client.messages.Agreement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Every agreement that an end ever took over, the newest first (PRV-30). It never changes. */
final class AgreementsHeld {
  private static final int SERVING_MAX = 2;

  private final List<Agreements.Signed> all;

  /**
   * Those of one site.
   *
   * @throws IllegalArgumentException if there is none, or they are not of one site in falling order
   *     of their numbers (PRV-28, PRV-29)
   */
  AgreementsHeld(List<Agreements.Signed> all) {
    if (all.isEmpty()) {
      throw new IllegalArgumentException("a site needs an agreement");
    }
    for (int place = 1; place < all.size(); place++) {
      Agreement newer = all.get(place - 1).agreement;
      Agreement older = all.get(place).agreement;
      if (!newer.getSiteId().equals(older.getSiteId())
          || Integer.compareUnsigned(newer.getAgreementNo(), older.getAgreementNo()) <= 0) {
        throw new IllegalArgumentException("agreements of one site, the newest first");
      }
    }
    this.all = new ArrayList<>(all);
  }

  /** Whether each that the other holds is here, too (PRV-30). */
  boolean holdsAllOf(AgreementsHeld other) {
    for (Agreements.Signed one : other.all) {
      if (hashed(all, one.hash) == null) {
        return false;
      }
    }
    return true;
  }

  private static Agreement hashed(List<Agreements.Signed> among, byte[] hash) {
    for (Agreements.Signed one : among) {
      if (Arrays.equals(one.hash, hash)) {
        return one.agreement;
      }
    }
    return null;
  }

  Agreement newest() {
    return all.get(0).agreement;
  }

  /** All of them, the newest first. */
  List<Agreements.Signed> all() {
    return Collections.unmodifiableList(all);
  }

  /** The agreement of a number, or null. */
  Agreement numbered(int agreementNo) {
    for (Agreements.Signed one : all) {
      if (one.agreement.getAgreementNo() == agreementNo) {
        return one.agreement;
      }
    }
    return null;
  }

  /** The two newest ones, or the one: those of new sessions and new orders (PRV-31). */
  List<Agreements.Signed> serving() {
    return all.subList(0, Math.min(SERVING_MAX, all.size()));
  }

  /** The serving one with a hash, or null. */
  Agreement serving(byte[] hash) {
    return hashed(serving(), hash);
  }

  /** Any with a hash, or null. */
  Agreement hashed(byte[] hash) {
    return hashed(all, hash);
  }

  /** What key exchanges need of the serving ones, the newest first. */
  List<Terms> terms() {
    List<Terms> found = new ArrayList<>();
    for (Agreements.Signed one : serving()) {
      found.add(new Terms(one.hash, one.agreement));
    }
    return found;
  }

  /** The largest lease of all, in milliseconds. */
  long fullLease() {
    long longest = 0;
    for (Agreements.Signed one : all) {
      longest = Math.max(longest, Agreements.fullLease(one.agreement));
    }
    return longest;
  }

  /** The largest T_QUIET of all, in milliseconds (ORD-215). */
  long quiet() {
    long longest = 0;
    for (Agreements.Signed one : all) {
      AgreedTimers timers = one.agreement.getTimers();
      longest = Math.max(longest, timers.getQuiet() & 0xFFFFFFFFL);
    }
    return longest;
  }
}
