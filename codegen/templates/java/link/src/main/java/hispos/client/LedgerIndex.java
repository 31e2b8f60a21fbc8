package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.HisOrder;
import hispos.client.messages.OrderCore;
import hispos.client.messages.Posting;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Finds the rows that a step of the ledger needs, so that none goes through the whole ledger. Lists
 * are in the order of their rows' first records (BOK-10).
 */
final class LedgerIndex implements Book.Watcher {
  private final Map<String, Entry> orders = new LinkedHashMap<>();
  private final TreeMap<String, String> open = new TreeMap<>();
  private final TreeMap<Integer, Entry> looks = new TreeMap<>();
  private final TreeMap<Integer, String> unposted = new TreeMap<>();
  private final TreeMap<String, String> unalarmed = new TreeMap<>();
  private final Set<String> alarmed = new HashSet<>();
  private final Map<String, Set<String>> ofBill = new HashMap<>();
  private final Map<String, Set<String>> refundsOf = new HashMap<>();
  private final Map<Integer, Set<String>> ofDay = new HashMap<>();
  private final Map<String, Set<String>> capturesOfBill = new HashMap<>();
  private final Map<String, Set<String>> capturesOfOrder = new HashMap<>();

  /** An order's row, read once. */
  static final class Entry {
    final String orderNo;
    final HisOrder row;

    /** Empty for an orphan that has none yet. */
    final OrderCore core;

    /** From when it is looked at again, or {@link LookPlan#NEVER}. */
    final long lookDue;

    private final int place;

    private Entry(String orderNo, HisOrder row, int place) {
      this.orderNo = orderNo;
      this.row = row;
      this.core = Orders.core(row.getCore());
      this.lookDue = row.getCore().isEmpty() ? LookPlan.NEVER : LookPlan.due(row);
      this.place = place;
    }

    private boolean isUnposted() {
      return row.getPosting() == Posting.POSTING_UNPOSTED;
    }

    /** By the Unix seconds from which it is unposted for too long (ORD-245), then by number. */
    private String alarmTurn() {
      long from = row.getEndedAt() + Timers.UNPOSTED_ALARM / 1000;
      return Bytes.hex(Bytes.number(from, 8)) + orderNo;
    }

    /** By the time at which they were made, then by number (ORD-70). */
    private String turn() {
      return Bytes.hex(Bytes.number(row.getMadeAt(), 8)) + orderNo;
    }
  }

  @Override
  public void changed(Table table, String key, ByteString row) {
    if (table == Table.TABLE_ORDER) {
      changed(key, Bytes.parsed(HisOrder.parser(), row));
    } else if (table == Table.TABLE_CAPTURE) {
      CaptureRow capture = Bytes.parsed(CaptureRow.parser(), row);
      if (!capture.getPaymentNo().isEmpty()) {
        note(capturesOfBill, capture.getBill(), key);
        note(capturesOfOrder, capture.getOrderNo(), key);
      }
    }
  }

  private void changed(String orderNo, HisOrder row) {
    Entry before = orders.get(orderNo);
    Entry entry = new Entry(orderNo, row, before == null ? orders.size() : before.place);
    orders.put(orderNo, entry);
    if (before != null) {
      open.remove(before.turn());
      unalarmed.remove(before.alarmTurn());
    }
    unposted.remove(entry.place);
    if (entry.isUnposted()) {
      unposted.put(entry.place, orderNo);
      if (row.getEndedAt() != 0 && !alarmed.contains(orderNo)) {
        unalarmed.put(entry.alarmTurn(), orderNo);
      }
    }
    if (!Ledger.hasEnded(row)) {
      open.put(entry.turn(), orderNo);
    }
    looks.remove(entry.place);
    if (entry.lookDue != LookPlan.NEVER) {
      looks.put(entry.place, entry);
    }
    note(ofBill, row.getBill(), orderNo);
    note(ofDay, entry.core.getBusinessDay(), orderNo);
    if (entry.core.hasRefundOf()) {
      note(refundsOf, entry.core.getRefundOf().getOrderNo(), orderNo);
    }
  }

  private static <K> void note(Map<K, Set<String>> lists, K key, String name) {
    Set<String> list = lists.get(key);
    if (list == null) {
      list = new LinkedHashSet<>();
      lists.put(key, list);
    }
    list.add(name);
  }

  private static <K> List<String> noted(Map<K, Set<String>> lists, K key) {
    Set<String> list = lists.get(key);
    return list == null ? Collections.<String>emptyList() : new ArrayList<>(list);
  }

  private List<Entry> entries(Collection<String> numbers) {
    List<Entry> found = new ArrayList<>();
    for (String orderNo : numbers) {
      found.add(orders.get(orderNo));
    }
    return found;
  }

  /** An order, or null. */
  Entry order(String orderNo) {
    return orders.get(orderNo);
  }

  /** The numbers of all orders. */
  Collection<String> numbers() {
    return Collections.unmodifiableCollection(orders.keySet());
  }

  /** Orders that have not ended, by the time at which they were made and then by number. */
  List<Entry> open() {
    return entries(open.values());
  }

  /** Orders to hand over to the bill database. */
  List<String> unposted() {
    return new ArrayList<>(unposted.values());
  }

  /** The Unix seconds from which the next order is unposted for too long; none: the last ones. */
  long alarmFrom() {
    return unalarmed.isEmpty()
        ? Long.MAX_VALUE
        : Long.parseLong(unalarmed.firstKey().substring(0, 16), 16);
  }

  /** Takes that order: it is given once (ORD-245). */
  String alarmNext() {
    String orderNo = unalarmed.pollFirstEntry().getValue();
    alarmed.add(orderNo);
    return orderNo;
  }

  /** Ended orders that are looked at again some time. */
  List<Entry> looks() {
    return new ArrayList<>(looks.values());
  }

  /** Orders of a bill; they may have belonged to it once. */
  List<Entry> ofBill(String bill) {
    return entries(noted(ofBill, bill));
  }

  /** Refunds of an order; they may have been of it once. */
  List<Entry> refundsOf(String orderNo) {
    return entries(noted(refundsOf, orderNo));
  }

  /** Numbers of a business day's orders; they may have been of it once. */
  List<String> ofDay(int day) {
    return noted(ofDay, day);
  }

  /** Orders of a business day. */
  List<Entry> entriesOfDay(int day) {
    List<Entry> found = entries(ofDay(day));
    for (int place = found.size() - 1; place >= 0; place--) {
      if (found.get(place).core.getBusinessDay() != day) {
        found.remove(place);
      }
    }
    return found;
  }

  /** Keys of captures of a bill; they may have belonged to it once. */
  List<String> capturesOfBill(String bill) {
    return noted(capturesOfBill, bill);
  }

  /** Keys of captures of an order. */
  List<String> capturesOfOrder(String orderNo) {
    return noted(capturesOfOrder, orderNo);
  }
}
