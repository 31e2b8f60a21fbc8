package hispos.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What one session looks at again behind its end (orders, section "Asking again"). */
final class LaterLooks {
  private final HisDesk desk;

  // The looks that were counted before one was asked in this session, by order number.
  private final Map<String, Integer> asked = new HashMap<>();
  private final Set<String> told = new HashSet<>();

  LaterLooks(HisDesk desk) {
    this.desk = desk;
  }

  /** Orders to ask about now with a fresh LookUp, each once for each look (ORD-211 to ORD-214). */
  List<LedgerIndex.Entry> due() {
    List<LedgerIndex.Entry> found = new ArrayList<>();
    for (LedgerIndex.Entry order : desk.ledger.index.looks()) {
      Integer before = asked.get(order.orderNo);
      boolean isAsked = before != null && before == order.row.getLookedAgain();
      if (!isAsked && order.lookDue <= desk.ledger.book.unix() && desk.isAskedAbout(order)) {
        asked.put(order.orderNo, order.row.getLookedAgain());
        told.remove(order.orderNo);
        found.add(order);
      }
    }
    return found;
  }

  /** OrderState answered a look: the device really looks (ORD-213). */
  void tell(String orderNo) {
    told.add(orderNo);
  }

  /** Whether the device really looks, so that the same result again counts. */
  boolean isTold(String orderNo) {
    return told.contains(orderNo);
  }

  /** The instant at which the next look is due, by a calendar clock that stands still meanwhile. */
  long nextTimer(long now) {
    long next = Long.MAX_VALUE;
    long unix = desk.ledger.book.unix();
    for (LedgerIndex.Entry order : desk.ledger.index.looks()) {
      if (unix != 0 && order.lookDue > unix && desk.isAskedAbout(order)) {
        next = Math.min(next, now + 1000 * (order.lookDue - unix));
      }
    }
    return next;
  }
}
