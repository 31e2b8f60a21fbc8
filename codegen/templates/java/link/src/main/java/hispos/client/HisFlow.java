package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Agreement;
import hispos.client.messages.CancelOrder;
import hispos.client.messages.ConfirmResult;
import hispos.client.messages.GetTotals;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.ListOrders;
import hispos.client.messages.LookUp;
import hispos.client.messages.Message;
import hispos.client.messages.PeerRow;
import hispos.client.messages.Ping;
import hispos.client.messages.QueryOrder;
import hispos.client.messages.SubmitOrder;
import hispos.client.messages.Sync;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The order flow of a HIS in one session: what it asks, and when (orders, section "What HIS
 * asks in a session"). A session leaves nothing of it behind (MSG-14).
 */
final class HisFlow {
  private static final long ASK_AGAIN = 60_000;

  final Calls calls = new Calls(this::say);
  final LaterLooks looks;

  /** The agreement of the session, null if it is not held (ORD-159). */
  final Agreement agreement;

  /** The run of the device, null before it has said so. */
  ByteString run;

  private final HisDesk desk;
  private final Ledger ledger;
  private final OtherDevices others;
  private final long zero;
  private final Deque<Message> held = new ArrayDeque<>();
  private final Set<String> madeHere = new HashSet<>();
  private final Set<String> told = new HashSet<>();
  private final Map<String, Long> askFrom = new HashMap<>();
  private boolean isSynced;
  private boolean pullCounts;
  private long sentAt;
  private long now;

  HisFlow(HisDesk desk, SessionEvent.Started session, long now) {
    this.desk = desk;
    this.ledger = desk.ledger;
    this.looks = new LaterLooks(desk);
    this.others = new OtherDevices(desk);
    this.agreement = ledger.site().serving(session.agreementHash);
    this.zero = session.zero;
    this.sentAt = now;
  }

  // What has come so far.

  /** Whether the session is past Sync. */
  boolean isSynced() {
    return isSynced;
  }

  /** Whether orders can be made (ORD-68). */
  boolean isReady() {
    return isSynced && run != null && !ledger.isHalted;
  }

  /** The session as an order is made in it. */
  Making.Window window(int day, long now) {
    return new Making.Window(
        desk.deviceId, desk.terminalId, run, zero, now, agreement, day);
  }

  // Sending.

  /** Sends, once what the message rests on is durable (ORD-8). */
  void say(Message message, long now) {
    // A ping rests on nothing: it names the latest durable record.
    boolean restsOnNothing = message.getBodyCase() == Message.BodyCase.PING;
    if (restsOnNothing || ledger.book.isDurable()) {
      transmit(message, now);
    } else {
      held.add(message);
    }
  }

  private void transmit(Message message, long now) {
    Message said = message;
    if (message.getBodyCase() == Message.BodyCase.CONFIRM_RESULT) {
      // Of the latest durable record as it goes out, which is behind the result.
      ConfirmResult.Builder confirm = message.getConfirmResult().toBuilder();
      confirm.setLedger(Bytes.field(ledger.book.anchor()));
      said = message.toBuilder().setConfirmResult(confirm).build();
    }
    if (desk.session.send(said.toByteArray(), now)) {
      sentAt = now;
    }
  }

  /** Sends what waited for the ledger. */
  void sayHeld(long now) {
    while (!held.isEmpty() && ledger.book.isDurable()) {
      transmit(held.remove(), now);
    }
  }

  // The turns.

  /** The first request of the session. */
  void begin(long now) {
    Sync sync =
        Sync.newBuilder()
            .setLedger(Bytes.field(ledger.book.anchor()))
            .setJournalSeen(ledger.peer(desk.deviceId).getAnchor())
            .build();
    calls.request(Message.newBuilder().setSync(sync).build(), now);
  }

  /** The device has answered Sync. */
  void synced(long now) {
    isSynced = true;
    askAboutOrders(now);
    pull(now);
  }

  /**
   * Does what is due.
   *
   * @param isDurable whether the ledger is; while it is not, pings go on alone
   */
  void work(boolean isDurable, long now) {
    this.now = now;
    if (isDurable) {
      dropStale(now);
      calls.repeat(now);
    }
    if (!isSynced || ledger.isHalted) {
      return;
    }
    if (isDurable) {
      if (ledger.needsPull(desk.deviceId)) {
        pull(now);
      }
      others.takeOn(now);
      askAboutOrders(now);
      lookAgain(now);
    }
    ping(now);
  }

  /** Another link, or people, changed an order: it is asked about anew (ORD-74). */
  private void dropStale(long now) {
    for (Calls.Call call : calls.aboutOrders()) {
      HisOrder order = ledger.order(call.orderNo);
      if (order == null || order.getState() != call.state) {
        drop(call.orderNo, now);
      }
    }
  }

  /** The instant at which {@code work} has something to do. */
  long nextTimer(boolean isDurable) {
    long next = isDurable ? calls.nextTimer() : Long.MAX_VALUE;
    if (!isSynced || ledger.isHalted) {
      return next;
    }
    if (!calls.has(Message.BodyCase.PING)) {
      next = Math.min(next, sentAt + Timers.PING_AFTER);
    }
    if (isDurable) {
      for (Map.Entry<String, Long> pause : askFrom.entrySet()) {
        // Another link or people may have ended it meanwhile: then its pause is not due.
        if (ledger.isOpen(pause.getKey())) {
          next = Math.min(next, pause.getValue());
        }
      }
      next = Math.min(next, Math.min(others.nextTimer(now), looks.nextTimer(now)));
    }
    return next;
  }

  // Asking about orders.

  /** One request for each open order, by its stored state (ORD-70, ORD-71). */
  private void askAboutOrders(long now) {
    for (LedgerIndex.Entry order : desk.open()) {
      String orderNo = order.orderNo;
      Long from = askFrom.get(orderNo);
      boolean mayAsk = !told.contains(orderNo) && (from == null || now >= from);
      if (mayAsk && !calls.isAsked(orderNo) && others.mayAsk(order, now)) {
        askFrom.remove(orderNo);
        calls.request(question(order, now), orderNo, order.row.getState(), now);
      }
    }
  }

  private Message question(LedgerIndex.Entry order, long now) {
    Message.Builder message = Message.newBuilder();
    HisOrder row = order.row;
    if (row.getState() == HisState.HIS_STATE_CANCELLING) {
      message.setCancelOrder(
          CancelOrder.newBuilder()
              .setCore(row.getCore())
              .setRun(row.getRun())
              .addAllSearch(row.getSearchList()));
    } else if (row.getState() == HisState.HIS_STATE_ASKING) {
      message.setLookUp(LookUp.newBuilder().setCore(row.getCore()));
    } else if (madeHere.contains(order.orderNo) && now < row.getStartBy()) {
      message.setSubmitOrder(
          SubmitOrder.newBuilder()
              .setCore(row.getCore())
              .setTerminalId(row.getTerminalId())
              .setStartBy((int) (Math.max(row.getStartBy() - zero, 0) / 1000))
              .setRun(row.getRun())
              .addAllSearch(row.getSearchList()));
    } else {
      byte[] hash = Orders.hash(ledger.site().id(), Bytes.of(row.getCore()));
      message.setQueryOrder(
          QueryOrder.newBuilder().setOrderNo(order.orderNo).setOrderHash(Bytes.field(hash)));
    }
    return message.build();
  }

  /** An order was made in this session, or was never accepted: it is submitted (ORD-71). */
  void submits(String orderNo) {
    madeHere.add(orderNo);
  }

  /** OrderState answered: the order is not asked about again by itself (ORD-72). */
  void told(String orderNo) {
    told.add(orderNo);
  }

  /** The answer left the order's state as it is: it is asked about again in a minute (ORD-73). */
  void askLater(String orderNo, long now) {
    askFrom.put(orderNo, now + ASK_AGAIN);
  }

  /** A person wants to know (ORD-72). */
  void askNow(String orderNo) {
    told.remove(orderNo);
    askFrom.remove(orderNo);
  }

  /** Drops every call about an order: its state has changed, and it is asked about anew. */
  void drop(String orderNo, long now) {
    calls.drop(orderNo, now);
    askNow(orderNo);
  }

  private void lookAgain(long now) {
    for (LedgerIndex.Entry order : looks.due()) {
      LookUp fresh = LookUp.newBuilder().setCore(order.row.getCore()).setFresh(true).build();
      Message message = Message.newBuilder().setLookUp(fresh).build();
      calls.request(message, order.orderNo, order.row.getState(), now);
    }
  }

  // Other requests.

  /** Begins to pull the device's list (ORD-219). */
  void pull(long now) {
    if (!calls.has(Message.BodyCase.LIST_ORDERS)) {
      pullCounts = !ledger.isWaiting();
      list(now);
    }
  }

  /** Whether the pull began behind the wait after a step back (BOK-39). */
  boolean pullCounts() {
    return pullCounts;
  }

  /** Asks for the page behind what is stored. */
  void list(long now) {
    PeerRow peer = ledger.peer(desk.deviceId);
    ListOrders list =
        ListOrders.newBuilder().setBook(peer.getPulledBook()).setSeq(peer.getPulledSeq()).build();
    calls.request(Message.newBuilder().setListOrders(list).build(), now);
  }

  /** Asks what the device counts for a business day. */
  void totals(int day, long now) {
    GetTotals totals = GetTotals.newBuilder().setBusinessDay(day).build();
    calls.request(Message.newBuilder().setGetTotals(totals).build(), now);
  }

  /** When nothing was sent for 10 s (ORD-76, ORD-77). */
  private void ping(long now) {
    if (calls.has(Message.BodyCase.PING) || now < sentAt + Timers.PING_AFTER) {
      return;
    }
    Ping.Builder ping = Ping.newBuilder();
    if (desk.anchorPinged == null || now >= desk.anchorPinged + Timers.PING_ANCHOR_GAP) {
      ping.setLedger(Bytes.field(ledger.book.anchor()));
      desk.anchorPinged = now;
    }
    calls.request(Message.newBuilder().setPing(ping).build(), now);
  }
}
