package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.Refusal.Reason;
import hispos.client.messages.AlertCode;
import hispos.client.messages.CancelOrder;
import hispos.client.messages.ConfirmResult;
import hispos.client.messages.Disposition;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.ListOrders;
import hispos.client.messages.LookUp;
import hispos.client.messages.Message;
import hispos.client.messages.OrderItem;
import hispos.client.messages.OrderList;
import hispos.client.messages.OrderState;
import hispos.client.messages.PeerRow;
import hispos.client.messages.Ping;
import hispos.client.messages.QueryOrder;
import hispos.client.messages.Rejected;
import hispos.client.messages.RejectCode;
import hispos.client.messages.ReportResult;
import hispos.client.messages.SubmitOrder;
import hispos.client.messages.Sync;
import hispos.client.messages.SyncReply;
import hispos.client.messages.Unsupported;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The HIS end of a link: one terminal of the HIS and its device, over one session and one ledger
 * (messages, orders).
 *
 * <p>Feed bytes, poll bytes and events, give commands and the time. Every call is of one thread at a
 * time; the links of one ledger share that thread. Nothing in here waits, reads a clock or opens a
 * file. Instants are milliseconds since the boot of the machine.
 */
public final class HisLink implements Link {
  private static final long ASK_AGAIN = 60_000;

  private final HisSession session;
  private final Ledger ledger;
  private final Accepting accepting;
  private final People people;
  private final String terminalId;
  private final String deviceId;
  private final Deque<LinkEvent> events = new ArrayDeque<>();
  private Long anchorPinged;

  // What a session leaves behind: nothing but what is stored (MSG-14).
  private Calls calls;
  private ByteString run;
  private long zero;
  private boolean isSynced;
  private long sentAt;
  private Set<String> madeHere;
  private Set<String> told;
  private Map<String, Long> askFrom;
  private Map<String, HisState> askedIn;
  private boolean pullCounts;

  /**
   * A link without a stream. The ledger's {@code beginRun} was called at the start of the program
   * (ORD-182).
   *
   * @param end the terminal of the HIS
   * @param agreements the serving ones, the newest first
   * @param deviceId the device that is bound to this desk (KEX-58)
   * @param draw random bytes of the operating system
   */
  public HisLink(Ledger ledger, End end, List<Terms> agreements, String deviceId, Draw draw) {
    this.session = new HisSession(end, deviceId, agreements, draw);
    this.ledger = ledger;
    this.accepting = new Accepting(ledger);
    this.people = new People(ledger);
    this.terminalId = end.id;
    this.deviceId = deviceId;
    forget();
  }

  private void forget() {
    calls = new Calls(this::say);
    run = null;
    zero = 0;
    isSynced = false;
    sentAt = 0;
    madeHere = new HashSet<>();
    told = new HashSet<>();
    askFrom = new HashMap<>();
    askedIn = new HashMap<>();
    pullCounts = false;
  }

  // The line.

  @Override
  public void opened(long now) {
    session.opened(now);
  }

  @Override
  public void closed(long now) {
    session.closed(now);
    work(now);
  }

  @Override
  public void feed(byte[] data, long now) {
    session.feed(data, now);
    work(now);
  }

  @Override
  public void onTimer(long now) {
    session.onTimer(now);
    work(now);
  }

  @Override
  public byte[] pollTransmit() {
    return session.pollTransmit();
  }

  @Override
  public LinkEvent pollEvent() {
    return events.poll();
  }

  @Override
  public long nextTimer() {
    long next = Math.min(session.nextTimer(), calls.nextTimer());
    next = Math.min(next, ledger.waitEnds());
    for (long at : askFrom.values()) {
      next = Math.min(next, at);
    }
    for (String orderNo : open()) {
      HisOrder order = ledger.order(orderNo);
      if (order.getState() != HisState.HIS_STATE_ASKING) {
        next = Math.min(next, order.getLeasedUntil());
      }
    }
    return isSynced ? Math.min(next, sentAt + Timers.PING_AFTER) : next;
  }

  // Commands.

  /** Whether orders can be made (ORD-68). */
  public boolean isReady() {
    return isSynced && run != null && !ledger.isHalted;
  }

  /**
   * Whether the line is shown as up; while it is down, open orders are shown as unknown (REC-42,
   * ORD-79).
   */
  public boolean isLineUp(long now) {
    return session.hasHeard(now);
  }

  /** What was dropped on this stream, by name (FRM-32). */
  public Map<String, Integer> drops() {
    return session.drops();
  }

  private Ledger.Window window(long now) throws Refusal {
    if (ledger.isHalted) {
      throw new Refusal(
          Reason.RESTORING, "the ledger went back: a person has to declare the restore");
    }
    if (!isReady()) {
      throw new Refusal(
          Reason.NO_SESSION, "there is no session past Sync with the terminal");
    }
    return new Ledger.Window(deviceId, terminalId, run, zero, now);
  }

  /** Makes a collect of today, stores it, sends it, and gives its number. */
  public String collect(String bill, long fen, long now) throws Refusal {
    return collect(bill, fen, ledger.day(), now);
  }

  /** The same for a business day. */
  public String collect(String bill, long fen, int day, long now) throws Refusal {
    return made(ledger.makeCollect(bill, fen, day, window(now)), now);
  }

  /** Makes a refund of today, stores it, sends it, and gives its number. */
  public String refund(Refund wanted, long now) throws Refusal {
    return refund(wanted, ledger.day(), now);
  }

  /** The same for a business day. */
  public String refund(Refund wanted, int day, long now) throws Refusal {
    return made(ledger.makeRefund(wanted, day, window(now)), now);
  }

  private String made(String orderNo, long now) {
    madeHere.add(orderNo);
    work(now);
    return orderNo;
  }

  /** Cancels an order that has not ended; its result says what became of it (ORD-177, ORD-179). */
  public void cancel(String orderNo, long now) throws Refusal {
    HisOrder order = ledger.order(orderNo);
    if (order == null || Ledger.hasEnded(order)) {
      throw new Refusal(Reason.UNKNOWN_ORDER, orderNo + " is no open order");
    }
    if (order.getState() == HisState.HIS_STATE_SENT) {
      enter(orderNo, HisState.HIS_STATE_CANCELLING, 0, now);
    }
    work(now);
  }

  /** Asks about an open order again because a person wants it (ORD-72). */
  public void ask(String orderNo, long now) {
    told.remove(orderNo);
    askFrom.remove(orderNo);
    work(now);
  }

  /** Pulls the device's list of orders; {@link LinkEvent.Pulled} says that it is whole. */
  public void pull(long now) throws Refusal {
    if (!isSynced) {
      throw new Refusal(Reason.NO_SESSION, "there is no session past Sync with the terminal");
    }
    beginPull(now);
    work(now);
  }

  /** Ends the session in order. */
  public void close(long now) {
    session.end(AlertCode.ALERT_CODE_UNSPECIFIED, now);
    work(now);
  }

  // What happens.

  private List<String> open() {
    List<String> found = new ArrayList<>();
    for (String orderNo : ledger.openOrders()) {
      ByteString core = ledger.order(orderNo).getCore();
      if (!core.isEmpty() && Orders.core(core).getDeviceId().equals(deviceId)) {
        found.add(orderNo);
      }
    }
    return found;
  }

  private void work(long now) {
    for (SessionEvent event = session.pollEvent(); event != null; event = session.pollEvent()) {
      if (event instanceof SessionEvent.Started) {
        forget();
        zero = ((SessionEvent.Started) event).zero;
        sentAt = now;
        sync(now);
      } else if (event instanceof SessionEvent.Ended) {
        forget();
        events.add(new LinkEvent.Down());
      } else if (event instanceof SessionEvent.Received) {
        take(((SessionEvent.Received) event).message, now);
      } else {
        events.add(new LinkEvent.Notice(((SessionEvent.Notice) event).text));
      }
    }
    passDeadlines(now);
    ledger.endWaiting(now);
    if (session.isLive()) {
      dropStale(now);
      calls.repeat(now);
      if (isSynced && !ledger.isHalted) {
        if (ledger.needsPull(deviceId)) {
          beginPull(now);
        }
        askAboutOrders(now);
        ping(now);
      }
    }
  }

  /** An order enters another state: its open call is dropped, and it is asked anew (ORD-74). */
  private void enter(String orderNo, HisState state, int rejected, long now) {
    ledger.setState(orderNo, state, rejected);
    dropCalls(orderNo, now);
  }

  /** Another link, or people, changed an order: it is asked about anew (ORD-74). */
  private void dropStale(long now) {
    for (String orderNo : new ArrayList<>(askedIn.keySet())) {
      HisOrder order = ledger.order(orderNo);
      if (order == null || order.getState() != askedIn.get(orderNo)) {
        dropCalls(orderNo, now);
      }
    }
  }

  private void dropCalls(String orderNo, long now) {
    askedIn.remove(orderNo);
    calls.drop(orderNo, now);
    told.remove(orderNo);
    askFrom.remove(orderNo);
  }

  /** Lease ends, and submits that come too late (ORD-178, ORD-180). */
  private void passDeadlines(long now) {
    for (String orderNo : open()) {
      HisOrder order = ledger.order(orderNo);
      if (order.getState() == HisState.HIS_STATE_ASKING) {
        continue;
      }
      if (now >= order.getLeasedUntil()) {
        enter(orderNo, HisState.HIS_STATE_ASKING, 0, now);
      } else if (order.getState() == HisState.HIS_STATE_SENT
          && now >= order.getStartBy()
          && calls.wouldSubmit(orderNo, now)) {
        enter(orderNo, HisState.HIS_STATE_CANCELLING, 0, now);
      }
    }
  }

  private void say(Message message, long now) {
    if (session.send(message.toByteArray(), now)) {
      sentAt = now;
    }
  }

  // What HIS asks.

  private void sync(long now) {
    Sync sync =
        Sync.newBuilder()
            .setLedger(Bytes.field(ledger.book.anchor()))
            .setJournalSeen(ledger.peer(deviceId).getAnchor())
            .build();
    calls.request(Message.newBuilder().setSync(sync).build(), "", now);
  }

  private void beginPull(long now) {
    if (!calls.has(Message.BodyCase.LIST_ORDERS)) {
      pullCounts = !ledger.isWaiting();
      list(now);
    }
  }

  private void list(long now) {
    PeerRow peer = ledger.peer(deviceId);
    ListOrders list =
        ListOrders.newBuilder().setBook(peer.getPulledBook()).setSeq(peer.getPulledSeq()).build();
    calls.request(Message.newBuilder().setListOrders(list).build(), "", now);
  }

  /** One request for each open order, by its stored state (ORD-70, ORD-71). */
  private void askAboutOrders(long now) {
    for (String orderNo : open()) {
      Long from = askFrom.get(orderNo);
      if (calls.isAsked(orderNo)
          || told.contains(orderNo)
          || (from != null && now < from)) {
        continue;
      }
      askFrom.remove(orderNo);
      askedIn.put(orderNo, ledger.order(orderNo).getState());
      calls.request(question(orderNo, ledger.order(orderNo), now), orderNo, now);
    }
  }

  private Message question(String orderNo, HisOrder order, long now) {
    Message.Builder message = Message.newBuilder();
    if (order.getState() == HisState.HIS_STATE_CANCELLING) {
      message.setCancelOrder(
          CancelOrder.newBuilder()
              .setCore(order.getCore())
              .setRun(order.getRun())
              .addAllSearch(order.getSearchList()));
    } else if (order.getState() == HisState.HIS_STATE_ASKING) {
      message.setLookUp(LookUp.newBuilder().setCore(order.getCore()));
    } else if (madeHere.contains(orderNo) && now < order.getStartBy()) {
      message.setSubmitOrder(
          SubmitOrder.newBuilder()
              .setCore(order.getCore())
              .setTerminalId(order.getTerminalId())
              .setStartBy((int) (Math.max(order.getStartBy() - zero, 0) / 1000))
              .setRun(order.getRun())
              .addAllSearch(order.getSearchList()));
    } else {
      byte[] hash = Orders.hash(ledger.site.id(), Bytes.of(order.getCore()));
      message.setQueryOrder(
          QueryOrder.newBuilder().setOrderNo(orderNo).setOrderHash(Bytes.field(hash)));
    }
    return message.build();
  }

  /** When nothing was sent for 10 s (ORD-76, ORD-77). */
  private void ping(long now) {
    if (calls.has(Message.BodyCase.PING) || now < sentAt + Timers.PING_AFTER) {
      return;
    }
    Ping.Builder ping = Ping.newBuilder();
    if (anchorPinged == null || now >= anchorPinged + Timers.PING_ANCHOR_GAP) {
      ping.setLedger(Bytes.field(ledger.book.anchor()));
      anchorPinged = now;
    }
    calls.request(Message.newBuilder().setPing(ping).build(), "", now);
  }

  // What comes.

  private void take(Message message, long now) {
    if (message.getReplyTo() != 0) {
      Calls.Call call = calls.answered(message.getReplyTo());
      if (call != null) {
        takeAnswer(call, message, now);
      }
      return;
    }
    switch (message.getBodyCase()) {
      case READY:
        if (message.getReady().getSimulated() != ledger.site.agreement.getSimulated()) {
          session.end(AlertCode.ALERT_CODE_UNSPECIFIED, now);
        } else {
          run = message.getReady().getRun();
        }
        break;
      case ORDER_STATE:
        progress(message.getOrderState());
        break;
      case DEVICE_EVENT:
        events.add(
            new LinkEvent.Notice("the device says: " + message.getDeviceEvent().getText()));
        break;
      default:
        if (message.getCall() != 0) {
          takeRequest(message, now);
        }
        break;
    }
  }

  private void takeRequest(Message message, long now) {
    if (message.getBodyCase() == Message.BodyCase.REPORT_RESULT) {
      takeReport(message, now);
    } else {
      say(
          Message.newBuilder()
              .setReplyTo(message.getCall())
              .setUnsupported(Unsupported.getDefaultInstance())
              .build(),
          now);
    }
  }

  private void progress(OrderState state) {
    HisOrder order = ledger.order(state.getOrderNo());
    if (order != null && !Ledger.hasEnded(order)) {
      events.add(
          new LinkEvent.Progress(state.getOrderNo(), state.getStage(), state.getSecondsLeft()));
    }
  }

  private void takeReport(Message message, long now) {
    ReportResult report = message.getReportResult();
    byte[] result = Bytes.of(report.getResult());
    Disposition disposition =
        takeResult(result, Bytes.of(report.getSignature()), Bytes.of(report.getJournal()), now);
    if (disposition == null) {
      return;
    }
    ConfirmResult confirm =
        ConfirmResult.newBuilder()
            .setOrderNo(Orders.result(report.getResult()).getOrderNo())
            .setResultHash(Bytes.field(Orders.resultHash(result)))
            .setDisposition(disposition)
            .setLedger(Bytes.field(ledger.book.anchor()))
            .build();
    say(
        Message.newBuilder().setReplyTo(message.getCall()).setConfirmResult(confirm).build(),
        now);
  }

  private Disposition takeResult(byte[] result, byte[] signature, byte[] journal, long now) {
    Set<String> before = new HashSet<>(ledger.openOrders());
    Disposition disposition =
        accepting.takeResult(deviceId, result, signature, journal);
    tellAlarms();
    if (disposition != null) {
      tellEnd(Orders.result(Bytes.field(result)).getOrderNo(), before, now);
    }
    return disposition;
  }

  private void tellEnd(String orderNo, Set<String> before, long now) {
    HisOrder order = ledger.order(orderNo);
    if (before.contains(orderNo) && order != null && Ledger.hasEnded(order)) {
      dropCalls(orderNo, now);
      events.add(new LinkEvent.OrderEnded(orderNo));
    }
  }

  private void tellAlarms() {
    for (Alarm alarm = ledger.pollAlarm(); alarm != null; alarm = ledger.pollAlarm()) {
      events.add(new LinkEvent.Alarmed(alarm));
    }
  }

  private void alarm(Alarm.Kind kind, String orderNo, String text) {
    events.add(new LinkEvent.Alarmed(new Alarm(kind, orderNo, text)));
  }

  private void takeAnswer(Calls.Call call, Message message, long now) {
    switch (call.kind()) {
      case SYNC:
        if (message.getBodyCase() == Message.BodyCase.SYNC_REPLY) {
          takeSync(message.getSyncReply(), now);
        }
        break;
      case LIST_ORDERS:
        if (message.getBodyCase() == Message.BodyCase.ORDER_LIST) {
          takeList(message.getOrderList(), now);
        }
        break;
      case PING:
        if (message.getBodyCase() == Message.BodyCase.PONG) {
          ledger.storeAnchor(deviceId, Bytes.of(message.getPong().getJournal()));
        }
        break;
      default:
        takeOrderAnswer(call, message, now);
        break;
    }
  }

  private void takeSync(SyncReply reply, long now) {
    byte[] seen = Bytes.of(reply.getLedgerSeen());
    if (ledger.book.containment(seen) == Book.Containment.MISSING) {
      ledger.isHalted = true;
      alarm(
          Alarm.Kind.LEDGER_WENT_BACK,
          "",
          "the ledger went back; nothing is made or asked until that is declared");
      return;
    }
    ledger.storeAnchor(deviceId, Bytes.of(reply.getJournal()));
    isSynced = true;
    askAboutOrders(now);
    beginPull(now);
    events.add(new LinkEvent.Ready());
  }

  private void takeList(OrderList page, long now) {
    for (OrderItem item : page.getItemsList()) {
      Set<String> before = new HashSet<>(ledger.openOrders());
      try {
        accepting.takeItem(deviceId, item, now);
        tellEnd(Orders.core(item.getCore()).getOrderNo(), before, now);
      } catch (Malformed error) {
        continue;
      }
    }
    tellAlarms();
    int count = page.getItemsCount();
    ledger.storePull(
        deviceId,
        page.getBook(),
        count == 0 ? 0 : page.getItems(count - 1).getSeq(),
        pullCounts && !page.getMore());
    if (page.getMore()) {
      list(now);
    } else {
      events.add(new LinkEvent.Pulled());
    }
  }

  private void takeOrderAnswer(Calls.Call call, Message message, long now) {
    String orderNo = call.orderNo;
    HisOrder order = ledger.order(orderNo);
    if (order == null || Ledger.hasEnded(order)) {
      return;
    }
    switch (message.getBodyCase()) {
      case ORDER_STATE:
        if (message.getOrderState().getOrderNo().equals(orderNo)) {
          told.add(orderNo);
          progress(message.getOrderState());
          return;
        }
        break;
      case SIGNED_RESULT:
        byte[] result = Bytes.of(message.getSignedResult().getResult());
        byte[] signature = Bytes.of(message.getSignedResult().getSignature());
        if (takeResult(result, signature, Bytes.NONE, now) != null) {
          return;
        }
        break;
      case NO_RECORD:
        if (call.kind() == Message.BodyCase.QUERY_ORDER) {
          takeNoRecord(orderNo, order, message.getNoRecord().getRun(), now);
          return;
        }
        break;
      case REJECTED:
        takeRejected(call, message.getRejected(), now);
        return;
      default:
        break;
    }
    askFrom.put(orderNo, now + ASK_AGAIN);
  }

  /** The order was never accepted, if it is of its own run (ORD-94, ORD-178, ORD-180, ORD-181). */
  private void takeNoRecord(String orderNo, HisOrder order, ByteString ofRun, long now) {
    if (order.getState() != HisState.HIS_STATE_SENT) {
      askFrom.put(orderNo, now + ASK_AGAIN);
    } else if (!ofRun.equals(order.getRun())) {
      enter(orderNo, HisState.HIS_STATE_ASKING, 0, now);
    } else if (now >= order.getStartBy()) {
      enter(orderNo, HisState.HIS_STATE_CANCELLING, 0, now);
    } else {
      madeHere.add(orderNo);
    }
  }

  /** What follows from a Rejected (ORD-178, ORD-180, ORD-183, ORD-184). */
  private void takeRejected(Calls.Call call, Rejected said, long now) {
    int code = said.getCodeValue();
    String orderNo = call.orderNo;
    events.add(new LinkEvent.Rejected(orderNo, code));
    if (code == RejectCode.REJECT_CODE_MALFORMED_VALUE
        || code == RejectCode.REJECT_CODE_WRONG_DEVICE_VALUE) {
      alarm(Alarm.Kind.REFUSED, orderNo, "rejected with " + code + ", which was checked here");
    }
    if (code == RejectCode.REJECT_CODE_CONFLICT_VALUE) {
      takeConflict(orderNo, said, now);
    } else if (call.kind() == Message.BodyCase.SUBMIT_ORDER) {
      enter(orderNo, HisState.HIS_STATE_CANCELLING, code, now);
    } else if (call.kind() == Message.BodyCase.CANCEL_ORDER) {
      enter(orderNo, HisState.HIS_STATE_ASKING, code, now);
    } else {
      askFrom.put(orderNo, now + ASK_AGAIN);
    }
  }

  /** The core that the own device holds takes the place of ours (ORD-185, ORD-187). */
  private void takeConflict(String orderNo, Rejected said, long now) {
    if (!people.takeOver(orderNo, said.getCore(), deviceId, now)) {
      askFrom.put(orderNo, now + ASK_AGAIN);
      return;
    }
    alarm(
        Alarm.Kind.CONFLICT,
        orderNo,
        "the terminal held another order under this number; that one counts");
    dropCalls(orderNo, now);
    if (!said.getResult().isEmpty()) {
      takeResult(Bytes.of(said.getResult()), Bytes.of(said.getSignature()), Bytes.NONE, now);
    }
  }
}
