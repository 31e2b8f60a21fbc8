package hispos.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import hispos.client.Refusal.Reason;
import hispos.client.messages.BillRow;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.Channel;
import hispos.client.messages.Decision;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.Kind;
import hispos.client.messages.OrderCore;
import hispos.client.messages.PeerRow;
import hispos.client.messages.Posting;
import hispos.client.messages.RefundOf;
import hispos.client.messages.Reservation;
import hispos.client.messages.SiteRow;
import hispos.client.messages.Table;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The ledger of a HIS: making orders, taking results in, booking refunds (orders, books).
 *
 * <p>Every step reads rows, decides, and commits what it writes as one batch before anybody is told
 * (ORD-8, ORD-9). One ledger serves all links of a site, in one thread at a time.
 */
public final class Ledger {
  private static final long DAY = 86_400;

  final Book book;
  final Site site;
  final Crypto crypto;
  final Deque<Alarm> alarms = new ArrayDeque<>();

  /** The ledger went back: nothing is made or asked until a restore is declared. */
  boolean isHalted;

  private long waitUntil = Long.MAX_VALUE;

  private final Map<String, HisOrder> orders = new LinkedHashMap<>();
  private final Map<String, CaptureRow> captures = new LinkedHashMap<>();
  private final TreeMap<String, String> open = new TreeMap<>();
  private final Set<String> refunds = new LinkedHashSet<>();
  private final Map<String, Set<String>> ordersOfBill = new LinkedHashMap<>();

  /**
   * Begins a new book, or goes on with one.
   *
   * @param bookId 8 random bytes, for a new book (BOK-19)
   */
  public Ledger(Book book, Site site, Crypto crypto, byte[] bookId) {
    this.book = book;
    this.site = site;
    this.crypto = crypto;
    if (book.isNew()) {
      book.begin(bookId);
      Batch batch = new Batch(book);
      batch.put(
          Table.TABLE_SITE,
          site.id(),
          SiteRow.newBuilder().setSearchUntil(searchUntil(book.unix())).build());
      batch.commit();
    }
    book.watch(this::changed);
  }

  /** Until when orders of a new or restored ledger carry a search (BOK-28), as unsigned seconds. */
  private static long searchUntil(long unix) {
    return unix == 0 ? -1 : unix + Limits.SEARCH_DAYS * DAY;
  }

  /**
   * A person declares that the ledger went back, while no program serves from it (BOK-34 to BOK-36).
   * Make the ledger of the book after it.
   *
   * @param bookId 8 random bytes
   * @param now milliseconds since the boot
   */
  public static void declareRestore(Book book, Site site, byte[] bookId, long now) {
    Batch batch = new Batch(book);
    book.restore(batch, bookId);
    for (Map.Entry<String, ByteString> row : book.rows(Table.TABLE_ORDER).entrySet()) {
      HisOrder order = Bytes.parsed(HisOrder.parser(), row.getValue());
      if (!hasEnded(order)) {
        batch.put(Table.TABLE_ORDER, row.getKey(), asked(order, site, now));
      }
    }
    SiteRow.Builder of = batch.get(Table.TABLE_SITE, site.id(), SiteRow.parser()).toBuilder();
    of.setWaiting(true).setPulling(true).setSearchUntil(searchUntil(book.unix()));
    batch.put(Table.TABLE_SITE, site.id(), of.build());
    for (Map.Entry<String, ByteString> row : book.rows(Table.TABLE_PEER).entrySet()) {
      PeerRow peer = Bytes.parsed(PeerRow.parser(), row.getValue());
      batch.put(Table.TABLE_PEER, row.getKey(), filled(peer.toBuilder().setPulled(false)));
    }
    batch.commit();
  }

  /** A row that says nothing names no book: a record holds no empty row. */
  private static PeerRow filled(PeerRow.Builder peer) {
    PeerRow row = peer.build();
    return row.equals(PeerRow.getDefaultInstance())
        ? peer.setPulledBook(Bytes.field(new byte[8])).build()
        : row;
  }

  private static HisOrder asked(HisOrder order, Site site, long now) {
    return order.toBuilder()
        .setState(HisState.HIS_STATE_ASKING)
        .setStartBy(0)
        .setLeasedUntil(now + site.fullLease())
        .build();
  }

  private void changed(Table table, String key, ByteString row) {
    if (table == Table.TABLE_CAPTURE) {
      captures.put(key, Bytes.parsed(CaptureRow.parser(), row));
    } else if (table == Table.TABLE_ORDER) {
      HisOrder order = Bytes.parsed(HisOrder.parser(), row);
      HisOrder before = orders.put(key, order);
      if (before != null) {
        open.remove(place(key, before));
      }
      if (!hasEnded(order)) {
        open.put(place(key, order), key);
      }
      if (!order.getCore().isEmpty() && Orders.core(order.getCore()).getAmount() < 0) {
        refunds.add(key);
      } else if (!order.getBill().isEmpty()) {
        Set<String> ofBill = ordersOfBill.get(order.getBill());
        if (ofBill == null) {
          ofBill = new LinkedHashSet<>();
          ordersOfBill.put(order.getBill(), ofBill);
        }
        ofBill.add(key);
      }
    }
  }

  /** By the time at which they were made, then by number (ORD-70). */
  private static String place(String orderNo, HisOrder order) {
    return Bytes.hex(Bytes.number(order.getMadeAt(), 8)) + orderNo;
  }

  static boolean hasEnded(HisOrder order) {
    switch (order.getState()) {
      case HIS_STATE_PAID:
      case HIS_STATE_NOT_PAID:
      case HIS_STATE_REFUNDED:
      case HIS_STATE_NOT_REFUNDED:
      case HIS_STATE_ATTENTION:
        return true;
      default:
        return false;
    }
  }

  /**
   * At each start of the program, before any link runs: what is open is asked about (ORD-182,
   * BOK-27).
   */
  public void beginRun(long now) {
    Batch batch = new Batch(book);
    for (String orderNo : openOrders()) {
      batch.put(
          Table.TABLE_ORDER,
          orderNo,
          asked(order(orderNo), site, now));
    }
    batch.commit();
    waitUntil = now + site.fullLease() + site.quiet();
  }

  private SiteRow siteRow() {
    ByteString row = book.get(Table.TABLE_SITE, site.id());
    return Bytes.parsed(SiteRow.parser(), row == null ? ByteString.EMPTY : row);
  }

  /** When the wait after a step back is over; it begins anew at each start (BOK-37, BOK-38). */
  long waitEnds() {
    return siteRow().getWaiting() ? waitUntil : Long.MAX_VALUE;
  }

  /** Ends the wait after a step back, once. */
  void endWaiting(long now) {
    if (now >= waitEnds()) {
      Batch batch = new Batch(book);
      SiteRow row = batch.get(Table.TABLE_SITE, site.id(), SiteRow.parser());
      batch.put(Table.TABLE_SITE, site.id(), row.toBuilder().setWaiting(false).build());
      batch.commit();
    }
  }

  /** Whether the ledger waits after a step back. */
  boolean isWaiting() {
    return siteRow().getWaiting();
  }

  /** Whether a list has to be pulled to its end before an order is made (BOK-39). */
  boolean needsPull(String deviceId) {
    SiteRow row = siteRow();
    return row.getPulling() && !row.getWaiting() && !peer(deviceId).getPulled();
  }

  // Reading.

  /** An order's row, or null. */
  public HisOrder order(String orderNo) {
    return orders.get(orderNo);
  }

  /** The numbers of all orders, in the order of their first records. */
  public Collection<String> orderNumbers() {
    return Collections.unmodifiableCollection(orders.keySet());
  }

  /** Orders that have not ended, by the time at which they were made and then by number. */
  public List<String> openOrders() {
    return new ArrayList<>(open.values());
  }

  Map<String, CaptureRow> captures() {
    return captures;
  }

  /** What is known of a device's journal. */
  PeerRow peer(String deviceId) {
    ByteString row = book.get(Table.TABLE_PEER, deviceId);
    return Bytes.parsed(PeerRow.parser(), row == null ? ByteString.EMPTY : row);
  }

  /** The next alarm, or null. */
  Alarm pollAlarm() {
    return alarms.poll();
  }

  void alarm(Alarm.Kind kind, String orderNo, String text) {
    alarms.add(new Alarm(kind, orderNo, text));
  }

  // Small steps.

  /** Stores a newer anchor of a device's journal (ORD-69). */
  void storeAnchor(String deviceId, byte[] anchor) {
    Batch batch = new Batch(book);
    putAnchor(batch, deviceId, anchor);
    batch.commit();
  }

  void putAnchor(Batch batch, String deviceId, byte[] anchor) {
    PeerRow peer = batch.get(Table.TABLE_PEER, deviceId, PeerRow.parser());
    byte[] known = Bytes.of(peer.getAnchor());
    boolean isOlder =
        anchor.length == Book.ANCHOR_BYTES
            && known.length == Book.ANCHOR_BYTES
            && Bytes.number(known, 0, 8) == Bytes.number(anchor, 0, 8)
            && Long.compareUnsigned(Bytes.number(anchor, 8, 8), Bytes.number(known, 8, 8)) <= 0;
    if (anchor.length == Book.ANCHOR_BYTES && !isOlder) {
      batch.put(
          Table.TABLE_PEER, deviceId, peer.toBuilder().setAnchor(Bytes.field(anchor)).build());
    }
  }

  /** Stores how far a list was pulled (ORD-223), and whether a pull that counts ended (BOK-39). */
  void storePull(String deviceId, ByteString bookId, long seq, boolean isWhole) {
    PeerRow peer = peer(deviceId);
    long until = seq;
    if (until == 0 && peer.getPulledBook().equals(bookId)) {
      until = peer.getPulledSeq();
    }
    Batch batch = new Batch(book);
    batch.read(Table.TABLE_PEER, deviceId);
    batch.put(
        Table.TABLE_PEER,
        deviceId,
        filled(
            peer.toBuilder()
                .setPulledBook(bookId)
                .setPulledSeq(until)
                .setPulled(peer.getPulled() || isWhole)));
    batch.commit();
  }

  /** Moves an order that has not ended to Cancelling or Asking. */
  void setState(String orderNo, HisState state, int rejected) {
    Batch batch = new Batch(book);
    HisOrder order = batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser());
    HisOrder.Builder next = order.toBuilder().setState(state);
    if (rejected != 0) {
      next.setRejected(rejected);
    }
    batch.put(Table.TABLE_ORDER, orderNo, next.build());
    batch.commit();
  }

  /** The bill database has made an order durable (ORD-243). */
  public void markPosted(String orderNo) throws Refusal {
    Batch batch = new Batch(book);
    HisOrder order = batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser());
    if (order.getPosting() != Posting.POSTING_UNPOSTED) {
      throw new Refusal(Reason.UNKNOWN_ORDER, orderNo + " is not to be posted");
    }
    put(batch, orderNo, order.toBuilder().setPosting(Posting.POSTING_POSTED).build());
    batch.commit();
  }

  /** Orders to hand over to the bill database (ORD-242, ORD-244). */
  public List<String> unposted() {
    List<String> found = new ArrayList<>();
    for (Map.Entry<String, HisOrder> order : orders.entrySet()) {
      if (order.getValue().getPosting() == Posting.POSTING_UNPOSTED) {
        found.add(order.getKey());
      }
    }
    return found;
  }

  void put(Batch batch, String orderNo, MessageLite order) {
    batch.put(Table.TABLE_ORDER, orderNo, order);
  }

  // Making orders.

  /** The session in which an order is made, at this instant. */
  static final class Window {
    final String deviceId;
    final String terminalId;
    final ByteString run;
    final long zero;
    final long now;

    Window(String deviceId, String terminalId, ByteString run, long zero, long now) {
      this.deviceId = deviceId;
      this.terminalId = terminalId;
      this.run = run;
      this.zero = zero;
      this.now = now;
    }
  }

  /** The reasons of ORD-161 that concern the day, the step back and the device. */
  private SiteRow mayMake(Batch batch, String deviceId, int day) throws Refusal {
    SiteRow row = batch.get(Table.TABLE_SITE, site.id(), SiteRow.parser());
    if (isHalted) {
      throw new Refusal(
          Reason.RESTORING, "the ledger went back: a person has to declare the restore");
    }
    if (row.getClosedDaysList().contains(day)) {
      throw new Refusal(Reason.OTHER, "the business day is closed");
    }
    if (row.getWaiting()) {
      throw new Refusal(Reason.RESTORING, "the ledger waits after a step back");
    }
    for (String one : site.deviceIds()) {
      if (row.getPulling() && !peer(one).getPulled()) {
        throw new Refusal(
            Reason.RESTORING, "the list of " + one + " was not pulled since a step back");
      }
    }
    if (!site.mayOrder(deviceId)) {
      throw new Refusal(Reason.OTHER, "the device takes no new orders");
    }
    return row;
  }

  int day() {
    return Agreements.businessDay(site.agreement, book.unix());
  }

  /** Makes and stores a collect, and gives its number (ORD-159 to ORD-167). */
  String makeCollect(String bill, long fen, int day, Window window) throws Refusal {
    Batch batch = new Batch(book);
    SiteRow siteRow = mayMake(batch, window.deviceId, day);
    int length = bill.getBytes(UTF_8).length;
    if (length < 1 || length > 64) {
      throw new Refusal(Reason.OTHER, "a bill key has 1 to 64 bytes");
    }
    BillRow row = batch.get(Table.TABLE_BILL, bill, BillRow.parser());
    judgeBill(batch, bill);
    int generation = nextGeneration(batch, bill, row.getOrders());
    String orderNo = collectNumber(bill, generation);
    long most = Math.min(site.agreement.getAmounts().getCollectMax(), Limits.AMOUNT_FEN_MAX);
    if (fen <= 0 || fen > most) {
      throw new Refusal(Reason.EXCEEDS, "the amount is not allowed");
    }
    OrderCore core =
        OrderCore.newBuilder()
            .setOrderNo(orderNo)
            .setDeviceId(window.deviceId)
            .setKind(Kind.KIND_COLLECT)
            .setAmount(fen)
            .setBusinessDay(day)
            .setAgreementNo(site.agreement.getAgreementNo())
            .build();
    boolean isNew =
        book.unix() == 0 || Long.compareUnsigned(book.unix(), siteRow.getSearchUntil()) < 0;
    HisOrder.Builder order = newOrder(core, window).setBill(bill).setGeneration(generation);
    for (int place = 0; isNew && place < Limits.SEARCH_MAX; place++) {
      order.addSearch(collectNumber(bill, generation + place));
    }
    put(batch, orderNo, order.build());
    batch.put(
        Table.TABLE_BILL,
        bill,
        row.toBuilder().setPresent(orderNo).setOrders(generation + 1).build());
    batch.commit();
    return orderNo;
  }

  private String collectNumber(String bill, long generation) {
    return Numbers.order(
        site.secret(), Kind.KIND_COLLECT, Numbers.collectKey(bill), generation);
  }

  /** The first of the bill's next numbers that no adopted order holds (ORD-162, ORD-230). */
  private int nextGeneration(Batch batch, String bill, int made) throws Refusal {
    int free = -1;
    for (int place = made; place < made + Limits.ORPHAN_NUMBERS; place++) {
      String number = collectNumber(bill, place);
      if (!batch.has(Table.TABLE_ORDER, number)) {
        free = free < 0 ? place : free;
      } else if (!order(number).getBill().equals(bill)) {
        throw new Refusal(
            Reason.ORPHAN, "the terminal holds an order that no bill has adopted: " + number);
      }
    }
    if (free < 0) {
      throw new Refusal(Reason.OTHER, "none of the bill's next numbers is free");
    }
    return free;
  }

  private void judgeBill(Batch batch, String bill) throws Refusal {
    for (Map.Entry<String, CaptureRow> capture : captures.entrySet()) {
      if (capture.getValue().getBill().equals(bill)) {
        batch.read(Table.TABLE_CAPTURE, capture.getKey());
        if (!capture.getValue().getReturned()) {
          throw new Refusal(
              Reason.BILL_CAPTURED,
              capture.getValue().getPaymentNo() + " of this bill is not returned");
        }
      }
    }
    Set<String> ofBill = ordersOfBill.get(bill);
    if (ofBill == null) {
      return;
    }
    for (String orderNo : ofBill) {
      batch.read(Table.TABLE_ORDER, orderNo);
      HisState state = order(orderNo).getState();
      if (state != HisState.HIS_STATE_NOT_PAID && state != HisState.HIS_STATE_PAID) {
        throw new Refusal(
            Reason.BILL_BUSY, orderNo + " of this bill has not ended, or needs people");
      }
    }
  }

  /** The row of a new order (ORD-47, ORD-48, ORD-165). */
  private HisOrder.Builder newOrder(OrderCore core, Window window) throws Refusal {
    byte[] data = core.toByteArray();
    try {
      Orders.readCore(data);
    } catch (Malformed error) {
      throw new Refusal(Reason.OTHER, error.getMessage());
    }
    long startBy = window.now + (site.agreement.getTimers().getStart() & 0xFFFFFFFFL);
    startBy -= Math.floorMod(startBy - window.zero, 1000L);
    long lease =
        (site.agreement.getTimers().getAct() & 0xFFFFFFFFL)
            + (site.agreement.getTimers().getDrift() & 0xFFFFFFFFL);
    return HisOrder.newBuilder()
        .setCore(Bytes.field(data))
        .setState(HisState.HIS_STATE_SENT)
        .setTerminalId(window.terminalId)
        .setRun(window.run)
        .setStartBy(startBy)
        .setLeasedUntil(startBy + lease)
        .setMadeAt(book.unix());
  }

  /** Makes and stores a refund, reserves its amount, and gives its number (ORD-170 to ORD-176). */
  String makeRefund(Refund wanted, int day, Window window) throws Refusal {
    Batch batch = new Batch(book);
    SiteRow siteRow = mayMake(batch, window.deviceId, day);
    HisOrder original = batch.get(Table.TABLE_ORDER, wanted.orderNo, HisOrder.parser());
    if (original.getOrphan()) {
      throw new Refusal(Reason.ORPHAN, "no bill has adopted the order");
    }
    String key = captureOf(wanted.orderNo);
    CaptureRow capture = batch.get(Table.TABLE_CAPTURE, key, CaptureRow.parser());
    if (wanted.fen >= 0) {
      throw new Refusal(Reason.EXCEEDS, "the amount of a refund is negative");
    }
    int generation = judgeRefund(wanted, capture, day);
    byte[] name = Numbers.refundKey(wanted.orderNo, capture.getChannel(), wanted.item);
    String number = Numbers.order(site.secret(), Kind.KIND_REFUND, name, generation);
    if (batch.has(Table.TABLE_ORDER, number)) {
      throw new Refusal(Reason.ORPHAN, "the number " + number + " has a row");
    }
    RefundOf refund =
        RefundOf.newBuilder()
            .setOrderNo(wanted.orderNo)
            .setAgreementNo(Orders.core(original.getCore()).getAgreementNo())
            .setChannel(capture.getChannel())
            .setAmount(capture.getAmount())
            .setPaymentNo(capture.getPaymentNo())
            .setOperator(wanted.operator)
            .setApprover(wanted.approver)
            .setReason(wanted.reason)
            .build();
    OrderCore core =
        OrderCore.newBuilder()
            .setOrderNo(number)
            .setDeviceId(window.deviceId)
            .setKind(Kind.KIND_REFUND)
            .setAmount(wanted.fen)
            .setBusinessDay(day)
            .setAgreementNo(site.agreement.getAgreementNo())
            .setRefundOf(refund)
            .build();
    HisOrder order =
        newOrder(core, window)
            .setBill(original.getBill())
            .setItem(wanted.item)
            .setGeneration(generation)
            .build();
    Reservation reservation =
        Reservation.newBuilder()
            .setOrderNo(number)
            .setAmount(-wanted.fen)
            .setItem(wanted.item)
            .build();
    batch.put(
        Table.TABLE_CAPTURE,
        key,
        capture.toBuilder()
            .addReservations(reservation)
            .setRefundMadeAt(book.unix())
            .build());
    batch.put(Table.TABLE_SITE, site.id(), siteRow);
    put(batch, number, order);
    batch.commit();
    return number;
  }

  /** The key of the capture that gives the money back: WeChat's first (ORD-176). */
  private String captureOf(String orderNo) throws Refusal {
    for (Channel channel : new Channel[] {Channel.CHANNEL_WECHAT, Channel.CHANNEL_ALIPAY}) {
      String key = Numbers.platform(site.code(), orderNo, Numbers.letter(channel));
      CaptureRow row = captures.get(key);
      if (row != null && !row.getReturned()) {
        return key;
      }
    }
    throw new Refusal(
        Reason.UNKNOWN_ORDER, "the ledger has no capture of this order that is not returned");
  }

  /** The reasons of ORD-171 and ORD-17, and the generation of ORD-172. */
  private int judgeRefund(Refund wanted, CaptureRow capture, int day) throws Refusal {
    long amount = -wanted.fen;
    int generation = 0;
    long ofDay = 0;
    Set<String> own = new HashSet<>();
    byte[] name = Numbers.refundKey(wanted.orderNo, capture.getChannel(), wanted.item);
    for (int nth = 0; nth < Limits.REFUNDS_PER_CAPTURE_MAX; nth++) {
      own.add(Numbers.order(site.secret(), Kind.KIND_REFUND, name, nth));
    }
    for (String orderNo : refunds) {
      HisOrder order = order(orderNo);
      OrderCore core = Orders.core(order.getCore());
      if (core.getBusinessDay() == day
          && order.getState() != HisState.HIS_STATE_NOT_REFUNDED) {
        ofDay -= core.getAmount();
      }
      if (!core.getRefundOf().getOrderNo().equals(wanted.orderNo)) {
        continue;
      }
      if (order.getOrphan()) {
        throw new Refusal(
            Reason.ORPHAN, "a terminal holds a refund of it that no bill has adopted");
      }
      // An adopted refund has no item, but the number of one.
      if (!order.getItem().equals(wanted.item) && !own.contains(orderNo)) {
        continue;
      }
      generation++;
      if (order.getState() != HisState.HIS_STATE_REFUNDED
          && order.getState() != HisState.HIS_STATE_NOT_REFUNDED) {
        throw new Refusal(Reason.ITEM_BUSY, "another refund has not ended, or needs people");
      }
    }
    judgeRest(wanted, capture, amount);
    if (amount > site.agreement.getAmounts().getRefundMax()
        || ofDay + amount > site.agreement.getAmounts().getRefundDayMax()) {
      throw new Refusal(Reason.EXCEEDS, "above a limit of the agreement");
    }
    return generation;
  }

  private void judgeRest(Refund wanted, CaptureRow capture, long amount) throws Refusal {
    long reserved = 0;
    for (Reservation item : capture.getReservationsList()) {
      reserved += item.getAmount();
      if (item.getItem().equals(wanted.item)) {
        throw new Refusal(Reason.ITEM_BUSY, "another refund of it still has a reservation");
      }
    }
    if (amount > capture.getAmount() - capture.getRefunded() - reserved) {
      throw new Refusal(Reason.EXCEEDS, "more than what is left");
    }
    if (capture.getRefunds() + capture.getReservationsCount()
        >= Limits.REFUNDS_PER_CAPTURE_MAX) {
      throw new Refusal(Reason.EXCEEDS, "too many refunds of one payment");
    }
    long left = capture.getRefundMadeAt() + Timers.REFUND_GAP / 1000 - book.unix();
    if (left > 0) {
      throw new Refusal(
          Reason.TOO_SOON, "too soon after the last refund: " + left + " s are left");
    }
  }

  /** Whether two people have decided an order. */
  static boolean isDecided(HisOrder order) {
    return !order.getDecision().equals(Decision.getDefaultInstance());
  }
}
