package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.Refusal.Reason;
import hispos.client.messages.DayRow;
import hispos.client.messages.DayState;
import hispos.client.messages.Evidence;
import hispos.client.messages.HisOrder;
import hispos.client.messages.SiteRow;
import hispos.client.messages.Table;
import hispos.client.messages.Totals;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Business days of a ledger: sums, closing, and what changes a closed one (orders, "Totals"). */
final class Days {
  private final Ledger ledger;

  Days(Ledger ledger) {
    this.ledger = ledger;
  }

  private static String key(int day) {
    return Integer.toUnsignedString(day);
  }

  /** A closed day; an empty row if it is not closed. */
  DayRow row(int day) {
    ByteString row = ledger.book.get(Table.TABLE_DAY, key(day));
    return Bytes.parsed(DayRow.parser(), row == null ? ByteString.EMPTY : row);
  }

  /** Closes a day, together with the list of its orders that have not ended (ORD-252). */
  DayRow close(int day, String by) throws Refusal {
    if (!Orders.isDay(day)) {
      throw new Refusal(Reason.OTHER, "no business day");
    }
    Batch batch = new Batch(ledger.book);
    String siteId = ledger.site().id();
    SiteRow site = batch.get(Table.TABLE_SITE, siteId, SiteRow.parser());
    if (site.getClosedDaysList().contains(day)) {
      throw new Refusal(Reason.OTHER, "the business day is closed");
    }
    DayState closed = state(batch, day).toBuilder().setBy(by).build();
    batch.put(Table.TABLE_SITE, siteId, site.toBuilder().addClosedDays(day).build());
    batch.put(
        Table.TABLE_DAY, key(day), DayRow.newBuilder().setRevision(1).setClosed(closed).build());
    ledger.commit(batch);
    return row(day);
  }

  /** What the ledger counts for a day; of one device alone, or of all if it is empty. */
  Totals totals(int day, String deviceId) {
    List<HisOrder> orders = new ArrayList<>();
    for (LedgerIndex.Entry order : ledger.index.entriesOfDay(day)) {
      orders.add(order.row);
    }
    return count(orders, deviceId);
  }

  /**
   * Sums of accepted results. One by which people or an adoption ended an order stands in its
   * evidence, too: the device knows it as kept.
   */
  private static Totals count(List<HisOrder> orders, String deviceId) {
    DayCount count = new DayCount();
    for (HisOrder order : orders) {
      boolean isAccepted = !order.getResult().isEmpty();
      for (Evidence item : order.getEvidenceList()) {
        isAccepted &= !item.getResult().equals(order.getResult());
      }
      if (isAccepted) {
        String signer = Orders.result(order.getResult()).getDeviceId();
        if (deviceId.isEmpty() || deviceId.equals(signer)) {
          count.recorded(Orders.result(order.getResult()));
        }
      }
    }
    return count.totals();
  }

  /** A day as the step sees it. */
  private DayState state(Batch batch, int day) {
    Set<String> numbers = new LinkedHashSet<>(ledger.index.ofDay(day));
    numbers.addAll(batch.written(Table.TABLE_ORDER).keySet());
    List<HisOrder> orders = new ArrayList<>();
    TreeSet<String> open = new TreeSet<>();
    for (String orderNo : numbers) {
      HisOrder order = batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser());
      if (Orders.core(order.getCore()).getBusinessDay() == day) {
        orders.add(order);
        if (!Ledger.hasEnded(order)) {
          open.add(orderNo);
        }
      }
    }
    Totals totals = count(orders, "");
    return DayState.newBuilder()
        .setAt(ledger.book.unix())
        .addAllRows(totals.getRowsList())
        .addAllOpen(open)
        .setDigest(totals.getDigest())
        .build();
  }

  /** A change to a closed day is a new revision of it, in the same transaction (ORD-253). */
  void revise(Batch batch) {
    Map<String, ByteString> written = batch.written(Table.TABLE_ORDER);
    if (written.isEmpty()) {
      return;
    }
    Set<Integer> closed = new HashSet<>(ledger.siteRow().getClosedDaysList());
    TreeSet<Integer> changed = new TreeSet<>();
    for (ByteString row : written.values()) {
      HisOrder order = Bytes.parsed(HisOrder.parser(), row);
      int day = Orders.core(order.getCore()).getBusinessDay();
      if (closed.contains(day)) {
        changed.add(day);
      }
    }
    for (int day : changed) {
      DayRow row = row(day);
      DayState state = state(batch, day);
      if (!isSame(state, row.hasLatest() ? row.getLatest() : row.getClosed())) {
        batch.put(
            Table.TABLE_DAY,
            key(day),
            row.toBuilder().setRevision(row.getRevision() + 1).setLatest(state).build());
      }
    }
  }

  private static boolean isSame(DayState one, DayState other) {
    return one.getRowsList().equals(other.getRowsList())
        && one.getOpenList().equals(other.getOpenList())
        && one.getDigest().equals(other.getDigest());
  }
}
