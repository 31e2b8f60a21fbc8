package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.Refusal.Reason;
import hispos.client.messages.Channel;
import hispos.client.messages.DayRow;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.PeerRow;
import hispos.client.messages.Posting;
import hispos.client.messages.ResultCore;
import hispos.client.messages.SiteRow;
import hispos.client.messages.Table;
import hispos.client.messages.Totals;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * The ledger of a HIS: its rows, and the small steps that change one of them (orders, books).
 *
 * <p>Every step reads rows, decides, and commits what it writes as one batch before anybody is told
 * (ORD-8, ORD-9). One ledger serves all links of a site, in one thread at a time.
 */
public final class Ledger {
  private static final long DAY_SECONDS = 86_400;

  final Book book;
  final Crypto crypto;
  final LedgerIndex index = new LedgerIndex();

  /** The ledger went back: nothing is made or asked until a restore is declared. */
  boolean isHalted;

  private Site site;
  private final Days days = new Days(this);
  private final Deque<Alarm> alarms = new ArrayDeque<>();
  private long waitUntil = Long.MAX_VALUE;

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
    book.watch(index);
  }

  // A run of the program.

  /** Until when orders of a new or restored ledger carry a search (BOK-28), as unsigned seconds. */
  private static long searchUntil(long unix) {
    return unix == 0 ? -1 : unix + Limits.SEARCH_DAYS * DAY_SECONDS;
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

  private static HisOrder asked(HisOrder order, Site site, long now) {
    return order.toBuilder()
        .setState(HisState.HIS_STATE_ASKING)
        .setStartBy(0)
        .setLeasedUntil(now + site.fullLease())
        .build();
  }

  /**
   * At each start of the program, before any link runs: what is open is asked about (ORD-182,
   * BOK-27).
   */
  public void beginRun(long now) {
    Batch batch = new Batch(book);
    for (LedgerIndex.Entry order : index.open()) {
      put(batch, order.orderNo, asked(order.row, site, now));
    }
    commit(batch);
    waitUntil = now + site.fullLease() + site.quiet();
  }

  /** The site as it is now. */
  Site site() {
    return site;
  }

  /** Takes newer files over (PRV-31, PRV-40). */
  void provision(Site newer) {
    if (!newer.holdsAllOf(site)) {
      throw new IllegalArgumentException("an agreement or the secret of the site is missing");
    }
    site = newer;
  }

  // The wait after a step back.

  SiteRow siteRow() {
    ByteString row = book.get(Table.TABLE_SITE, site.id());
    return Bytes.parsed(SiteRow.parser(), row == null ? ByteString.EMPTY : row);
  }

  /** When the wait is over; it begins anew at each start (BOK-37, BOK-38). */
  long waitEnds() {
    return siteRow().getWaiting() ? waitUntil : Long.MAX_VALUE;
  }

  /** Ends the wait, once. */
  void endWaiting(long now) {
    if (now >= waitEnds()) {
      Batch batch = new Batch(book);
      SiteRow row = batch.get(Table.TABLE_SITE, site.id(), SiteRow.parser());
      batch.put(Table.TABLE_SITE, site.id(), row.toBuilder().setWaiting(false).build());
      commit(batch);
    }
  }

  /** Whether the ledger waits. */
  boolean isWaiting() {
    return siteRow().getWaiting();
  }

  /** Whether a list has to be pulled to its end before an order is made (BOK-39). */
  boolean needsPull(String deviceId) {
    SiteRow row = siteRow();
    return row.getPulling() && !row.getWaiting() && !peer(deviceId).getPulled();
  }

  /** Whether all that it tells is durable; only a {@link LateStorage} says no (ORD-8). */
  public boolean isDurable() {
    return book.isDurable();
  }

  // Orders.

  /** Whether an order has ended. */
  public static boolean hasEnded(HisOrder order) {
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

  /** An order's row, or null. */
  public HisOrder order(String orderNo) {
    LedgerIndex.Entry entry = index.order(orderNo);
    return entry == null ? null : entry.row;
  }

  /** What ended an order, or null before its end, and behind a decision without a result. */
  public ResultCore result(String orderNo) {
    HisOrder order = order(orderNo);
    boolean hasResult = order != null && !order.getResult().isEmpty();
    return hasResult ? Orders.result(order.getResult()) : null;
  }

  /** The numbers of all orders, in the order of their first records. */
  public Collection<String> orderNumbers() {
    return index.numbers();
  }

  /** Orders that have not ended, by the time at which they were made and then by number. */
  public List<String> openOrders() {
    List<String> found = new ArrayList<>();
    for (LedgerIndex.Entry order : index.open()) {
      found.add(order.orderNo);
    }
    return found;
  }

  boolean isOpen(String orderNo) {
    HisOrder order = order(orderNo);
    return order != null && !hasEnded(order);
  }

  void put(Batch batch, String orderNo, HisOrder order) {
    batch.put(Table.TABLE_ORDER, orderNo, order);
  }

  /** Makes a step durable, with the new revisions of closed days that it changes. */
  void commit(Batch batch) {
    days.revise(batch);
    batch.commit();
  }

  /** Moves an order that has not ended to Cancelling or Asking. */
  void setState(String orderNo, HisState state, int rejected) {
    Batch batch = new Batch(book);
    HisOrder.Builder order =
        batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser()).toBuilder().setState(state);
    if (rejected != 0) {
      order.setRejected(rejected);
    }
    put(batch, orderNo, order.build());
    commit(batch);
  }

  /** People want another device to be asked about an order (ORD-215). */
  void askElsewhere(String orderNo, String deviceId, long now) throws Refusal {
    HisOrder order = order(orderNo);
    if (order == null || order.getState() != HisState.HIS_STATE_ASKING) {
      throw new Refusal(
          Reason.UNKNOWN_ORDER, "only an order that is asked about is looked up elsewhere");
    }
    if (now < order.getLeasedUntil() + site.quiet()) {
      throw new Refusal(Reason.LEASED, "its own device may still act on it");
    }
    nameDevice(orderNo, deviceId);
  }

  /** Stores that a device is asked about an order, before it is (ORD-216). */
  void nameDevice(String orderNo, String deviceId) {
    Batch batch = new Batch(book);
    HisOrder order = batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser());
    if (!order.getDevicesList().contains(deviceId)) {
      put(batch, orderNo, order.toBuilder().addDevices(deviceId).build());
      commit(batch);
    }
  }

  // What is handed over to the bill database.

  /** Orders to hand over to the bill database (ORD-242, ORD-244). */
  public List<String> unposted() {
    return index.unposted();
  }

  /** Raises an alarm, once in a run, for each order that is unposted for too long (ORD-245). */
  void alarmUnposted() {
    while (book.unix() != 0 && index.alarmFrom() <= book.unix()) {
      alarm(Alarm.Kind.UNPOSTED, index.alarmNext(), "waits to be posted to its bill for too long");
    }
  }

  /** The instant of the next such alarm, by a calendar clock that stands still meanwhile. */
  long alarmTimer(long now) {
    long from = index.alarmFrom();
    long unix = book.unix();
    boolean isNone = unix == 0 || from == Long.MAX_VALUE;
    return isNone ? Long.MAX_VALUE : now + 1000 * Math.max(0, from - unix);
  }

  /** The bill database has made an order durable (ORD-243); a second call writes nothing. */
  public void markPosted(String orderNo) throws Refusal {
    Batch batch = new Batch(book);
    if (!batch.has(Table.TABLE_ORDER, orderNo)) {
      throw new Refusal(Reason.UNKNOWN_ORDER, "the ledger knows no such order");
    }
    HisOrder order = batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser());
    if (order.getPosting() == Posting.POSTING_POSTED) {
      return;
    }
    if (order.getPosting() != Posting.POSTING_UNPOSTED) {
      throw new Refusal(Reason.OTHER, orderNo + " is not to be posted");
    }
    put(batch, orderNo, order.toBuilder().setPosting(Posting.POSTING_POSTED).build());
    commit(batch);
  }

  /** The key under which a capture is kept (BOK-26). */
  String captureKey(int agreementNo, String orderNo, Channel channel) {
    String siteCode = site.numbered(agreementNo).getSiteCode();
    return Numbers.platform(siteCode, orderNo, Numbers.letter(channel));
  }

  // Business days.

  /** The business day of this moment, 0 without a calendar clock. */
  int today() {
    long unix = book.unix();
    return unix == 0 ? 0 : Agreements.businessDay(site.newest(), unix);
  }

  /** A closed day; an empty row if it is not closed. */
  public DayRow day(int day) {
    return days.row(day);
  }

  /** Closes a day, together with the list of its orders that have not ended (ORD-252). */
  public DayRow closeDay(int day, String by) throws Refusal {
    return days.close(day, by);
  }

  /**
   * What the ledger counts for a day, to be compared with {@link LinkEvent.TotalsTold} (ORD-251).
   *
   * @param deviceId the device that signed the results; empty: every device
   */
  public Totals totals(int day, String deviceId) {
    return days.totals(day, deviceId);
  }

  // Devices.

  /** What is known of a device's journal. */
  PeerRow peer(String deviceId) {
    ByteString row = book.get(Table.TABLE_PEER, deviceId);
    return Bytes.parsed(PeerRow.parser(), row == null ? ByteString.EMPTY : row);
  }

  /** A row that says nothing names no book: a record holds no empty row. */
  static PeerRow filled(PeerRow.Builder peer) {
    PeerRow row = peer.build();
    return row.equals(PeerRow.getDefaultInstance())
        ? peer.setPulledBook(Bytes.field(new byte[8])).build()
        : row;
  }

  /** Stores a newer anchor of a device's journal (ORD-69). */
  void storeAnchor(String deviceId, byte[] anchor) {
    Batch batch = new Batch(book);
    putAnchor(batch, deviceId, anchor);
    commit(batch);
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
    Batch batch = new Batch(book);
    PeerRow peer = batch.get(Table.TABLE_PEER, deviceId, PeerRow.parser());
    boolean isSameBook = peer.getPulledBook().equals(bookId);
    batch.put(
        Table.TABLE_PEER,
        deviceId,
        filled(
            peer.toBuilder()
                .setPulledBook(bookId)
                .setPulledSeq(seq == 0 && isSameBook ? peer.getPulledSeq() : seq)
                .setPulled(peer.getPulled() || isWhole)));
    commit(batch);
  }

  // Alarms.

  /** The next alarm, or null. */
  Alarm pollAlarm() {
    return alarms.poll();
  }

  void alarm(Alarm.Kind kind, String orderNo, String text) {
    alarms.add(new Alarm(kind, orderNo, text));
  }
}
