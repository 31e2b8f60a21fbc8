package hispos.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import hispos.client.Refusal.Reason;
import hispos.client.messages.AgreedTimers;
import hispos.client.messages.Agreement;
import hispos.client.messages.BillRow;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.Kind;
import hispos.client.messages.OrderCore;
import hispos.client.messages.SiteRow;
import java.util.ArrayList;
import java.util.List;
import hispos.client.messages.Table;

/** How a HIS makes orders (orders, section "The ledger and the bill lock"). */
final class Making {
  private static final int BILL_BYTES_MAX = 64;

  private final Ledger ledger;

  Making(Ledger ledger) {
    this.ledger = ledger;
  }

  /** The session in which an order is made, at this instant. */
  static final class Window {
    final String deviceId;
    final String terminalId;
    final ByteString run;
    final long zero;
    final long now;

    /** That of the session (ORD-159). */
    final Agreement agreement;

    /** The business day from a person, where there is no calendar clock; 0: today (ORD-164). */
    final int day;

    Window(
        String deviceId,
        String terminalId,
        ByteString run,
        long zero,
        long now,
        Agreement agreement,
        int day) {
      this.deviceId = deviceId;
      this.terminalId = terminalId;
      this.run = run;
      this.zero = zero;
      this.now = now;
      this.agreement = agreement;
      this.day = day;
    }
  }

  int dayOf(Window window) {
    return window.day == 0 ? ledger.today() : window.day;
  }

  /** The reasons of ORD-161 that concern the day, the step back and the device. */
  SiteRow mayMake(Batch batch, String deviceId, int day) throws Refusal {
    SiteRow row = batch.get(Table.TABLE_SITE, ledger.site().id(), SiteRow.parser());
    if (ledger.isHalted) {
      throw new Refusal(
          Reason.RESTORING, "the ledger went back: a person has to declare the restore");
    }
    if (day == 0) {
      throw new Refusal(
          Reason.OTHER, "without a calendar clock a person has to give the business day");
    }
    if (row.getClosedDaysList().contains(day)) {
      throw new Refusal(Reason.OTHER, "the business day is closed");
    }
    if (row.getWaiting()) {
      throw new Refusal(Reason.RESTORING, "the ledger waits after a step back");
    }
    for (String one : ledger.site().deviceIds()) {
      if (row.getPulling() && !ledger.peer(one).getPulled()) {
        throw new Refusal(
            Reason.RESTORING, "the list of " + one + " was not pulled since a step back");
      }
    }
    if (!ledger.site().mayOrder(deviceId)) {
      throw new Refusal(Reason.OTHER, "the device takes no new orders");
    }
    return row;
  }

  /** A bill's key has 1 to 64 bytes. */
  static void judgeKey(String bill) throws Refusal {
    int length = bill.getBytes(UTF_8).length;
    if (length < 1 || length > BILL_BYTES_MAX) {
      throw new Refusal(Reason.OTHER, "a bill key has 1 to 64 bytes");
    }
  }

  private String number(String bill, long generation) {
    byte[] key = Numbers.collectKey(bill);
    return Numbers.order(ledger.site().secret(), Kind.KIND_COLLECT, key, generation);
  }

  /** Makes and stores a collect, and gives its number (ORD-159 to ORD-167). */
  String collect(String bill, long fen, Window window) throws Refusal {
    Batch batch = new Batch(ledger.book);
    int day = dayOf(window);
    SiteRow site = mayMake(batch, window.deviceId, day);
    judgeKey(bill);
    BillRow row = batch.get(Table.TABLE_BILL, bill, BillRow.parser());
    judgeBill(batch, bill);
    List<Integer> free = freeGenerations(batch, bill, row.getOrders());
    int generation = free.get(0);
    long most = Math.min(window.agreement.getAmounts().getCollectMax(), Limits.AMOUNT_FEN_MAX);
    if (fen <= 0 || fen > most) {
      throw new Refusal(Reason.EXCEEDS, "the amount is not allowed");
    }
    String orderNo = number(bill, generation);
    OrderCore core =
        OrderCore.newBuilder()
            .setOrderNo(orderNo)
            .setDeviceId(window.deviceId)
            .setKind(Kind.KIND_COLLECT)
            .setAmount(fen)
            .setBusinessDay(day)
            .setAgreementNo(window.agreement.getAgreementNo())
            .build();
    HisOrder.Builder order = newOrder(core, window).setBill(bill).setGeneration(generation);
    long unix = ledger.book.unix();
    if (unix == 0 || Long.compareUnsigned(unix, site.getSearchUntil()) < 0) {
      for (int next : free.subList(0, Math.min(Limits.SEARCH_MAX, free.size()))) {
        order.addSearch(number(bill, next));
      }
    }
    ledger.put(batch, orderNo, order.build());
    batch.put(
        Table.TABLE_BILL,
        bill,
        row.toBuilder().setPresent(orderNo).setOrders(generation + 1).build());
    ledger.commit(batch);
    return orderNo;
  }

  private void judgeBill(Batch batch, String bill) throws Refusal {
    for (String key : ledger.index.capturesOfBill(bill)) {
      CaptureRow capture = batch.get(Table.TABLE_CAPTURE, key, CaptureRow.parser());
      if (capture.getBill().equals(bill) && !capture.getReturned()) {
        throw new Refusal(
            Reason.BILL_CAPTURED, capture.getPaymentNo() + " of this bill is not returned");
      }
    }
    for (LedgerIndex.Entry order : ledger.index.ofBill(bill)) {
      if (!order.row.getBill().equals(bill) || order.core.getAmount() < 0) {
        continue;
      }
      batch.read(Table.TABLE_ORDER, order.orderNo);
      HisState state = order.row.getState();
      if (state != HisState.HIS_STATE_NOT_PAID && state != HisState.HIS_STATE_PAID) {
        throw new Refusal(
            Reason.BILL_BUSY, order.orderNo + " of this bill has not ended, or needs people");
      }
    }
  }

  /** Those of the bill's next numbers that no adopted order holds (ORD-162, ORD-163, ORD-230). */
  private List<Integer> freeGenerations(Batch batch, String bill, int made) throws Refusal {
    List<Integer> free = new ArrayList<>();
    for (int place = made; place < made + Limits.ORPHAN_NUMBERS; place++) {
      String number = number(bill, place);
      if (!batch.has(Table.TABLE_ORDER, number)) {
        free.add(place);
      } else if (!ledger.order(number).getBill().equals(bill)) {
        throw new Refusal(
            Reason.ORPHAN, "the terminal holds an order that no bill has adopted: " + number);
      }
    }
    if (free.isEmpty()) {
      throw new Refusal(Reason.OTHER, "none of the bill's next numbers is free");
    }
    return free;
  }

  /** The row of a new order (ORD-47, ORD-48, ORD-165, ORD-167). */
  HisOrder.Builder newOrder(OrderCore core, Window window) throws Refusal {
    byte[] data = core.toByteArray();
    try {
      Orders.readCore(data);
    } catch (Malformed error) {
      throw new Refusal(Reason.OTHER, error.getMessage());
    }
    AgreedTimers timers = window.agreement.getTimers();
    long startBy = window.now + (timers.getStart() & 0xFFFFFFFFL);
    startBy -= Math.floorMod(startBy - window.zero, 1000L);
    long lease = (timers.getAct() & 0xFFFFFFFFL) + (timers.getDrift() & 0xFFFFFFFFL);
    return HisOrder.newBuilder()
        .setCore(Bytes.field(data))
        .setState(HisState.HIS_STATE_SENT)
        .setTerminalId(window.terminalId)
        .setRun(window.run)
        .setStartBy(startBy)
        .setLeasedUntil(startBy + lease)
        .setMadeAt(ledger.book.unix());
  }
}
