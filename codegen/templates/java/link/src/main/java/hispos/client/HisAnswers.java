package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.AlertCode;
import hispos.client.messages.ConfirmResult;
import hispos.client.messages.Disposition;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.Message;
import hispos.client.messages.OrderItem;
import hispos.client.messages.OrderList;
import hispos.client.messages.OrderState;
import hispos.client.messages.RejectCode;
import hispos.client.messages.Rejected;
import hispos.client.messages.ReportResult;
import hispos.client.messages.SessionReady;
import hispos.client.messages.SyncReply;
import hispos.client.messages.Unsupported;
import java.util.ArrayDeque;
import java.util.Deque;

/** What comes to a HIS in one session: notices, requests of the device, and answers to the flow. */
final class HisAnswers {
  /** Of the run of a POS; one of another length counts as none. */
  private static final int RUN_BYTES = 4;

  private final HisDesk desk;
  private final Ledger ledger;
  private final HisFlow flow;
  private final Accepting accepting;
  private final Orphans orphans;
  private final People people;
  private final Deque<Message> inbox = new ArrayDeque<>();

  HisAnswers(HisDesk desk, HisFlow flow) {
    this.desk = desk;
    this.ledger = desk.ledger;
    this.flow = flow;
    this.accepting = new Accepting(ledger);
    this.orphans = new Orphans(ledger, accepting);
    this.people = new People(ledger);
  }

  // Messages, in their order.

  /**
   * Messages wait for the ledger, in their order; at most 8 requests do (MSG-9, MSG-19). A repeat
   * whose earlier copy waits is left out (MSG-10).
   */
  void receive(Message message, long now) {
    boolean isRequest = message.getCall() != 0 && message.getReplyTo() == 0;
    int requests = 0;
    for (Message earlier : inbox) {
      if (isRequest && earlier.getCall() != 0 && earlier.getReplyTo() == 0) {
        if (earlier.getCall() == message.getCall()) {
          return;
        }
        requests++;
      }
    }
    if (requests >= Limits.OPEN_CALLS_MAX) {
      desk.session.end(AlertCode.ALERT_CODE_LIMIT, now);
      return;
    }
    inbox.add(message);
    goOn(now);
  }

  /** Says and takes what waited for the ledger. */
  void goOn(long now) {
    flow.sayHeld(now);
    while (!inbox.isEmpty() && ledger.book.isDurable()) {
      take(inbox.remove(), now);
    }
  }

  private void take(Message message, long now) {
    if (message.getReplyTo() != 0) {
      Calls.Call call = flow.calls.answered(message.getReplyTo());
      if (call != null) {
        takeAnswer(call, message, now);
      }
      return;
    }
    switch (message.getBodyCase()) {
      case READY:
        takeReady(message.getReady(), now);
        break;
      case ORDER_STATE:
        progress(message.getOrderState());
        break;
      case DEVICE_EVENT:
        desk.tell(new LinkEvent.Notice("the device says: " + message.getDeviceEvent().getText()));
        break;
      case REPORT_RESULT:
        if (message.getCall() != 0) {
          takeReport(message, now);
        }
        break;
      default:
        if (message.getCall() != 0) {
          Unsupported unsupported = Unsupported.getDefaultInstance();
          flow.say(reply(message).setUnsupported(unsupported).build(), now);
        }
        break;
    }
  }

  private static Message.Builder reply(Message request) {
    return Message.newBuilder().setReplyTo(request.getCall());
  }

  private void takeReady(SessionReady ready, long now) {
    if (flow.agreement == null || ready.getSimulated() != flow.agreement.getSimulated()) {
      desk.session.end(AlertCode.ALERT_CODE_UNSPECIFIED, now);
    } else {
      flow.run = ready.getRun().size() == RUN_BYTES ? ready.getRun() : null;
    }
  }

  private void progress(OrderState state) {
    if (ledger.isOpen(state.getOrderNo())) {
      desk.tell(
          new LinkEvent.Progress(state.getOrderNo(), state.getStage(), state.getSecondsLeft()));
    }
  }

  private void takeReport(Message message, long now) {
    ReportResult report = message.getReportResult();
    byte[] journal = Bytes.of(report.getJournal());
    Disposition disposition =
        takeResult(report.getResult(), report.getSignature(), journal, now);
    if (disposition == null) {
      return;
    }
    ConfirmResult confirm =
        ConfirmResult.newBuilder()
            .setOrderNo(Orders.result(report.getResult()).getOrderNo())
            .setResultHash(Bytes.field(Orders.resultHash(Bytes.of(report.getResult()))))
            .setDisposition(disposition)
            .build();
    flow.say(reply(message).setConfirmResult(confirm).build(), now);
  }

  // Results and ends.

  /** Takes a result in; null if it is not authentic. */
  private Disposition takeResult(
      ByteString result, ByteString signature, byte[] journal, long now) {
    String orderNo = orderOf(result);
    boolean wasOpen = ledger.isOpen(orderNo);
    Disposition disposition =
        accepting.takeResult(
            desk.deviceId,
            Bytes.of(result),
            Bytes.of(signature),
            journal,
            flow.looks.isTold(orderNo));
    desk.tellAlarms();
    tellEnd(orderNo, wasOpen, now);
    return disposition;
  }

  /** The order that a result is about; empty if it is none. */
  private static String orderOf(ByteString result) {
    try {
      return Orders.readResult(Bytes.of(result)).getOrderNo();
    } catch (NoResult error) {
      return "";
    }
  }

  private void tellEnd(String orderNo, boolean wasOpen, long now) {
    if (wasOpen && !ledger.isOpen(orderNo)) {
      flow.drop(orderNo, now);
      desk.tell(new LinkEvent.OrderEnded(orderNo));
    }
  }

  /** An order enters another state: it is asked about anew (ORD-74). */
  private void enter(String orderNo, HisState state, int rejected, long now) {
    ledger.setState(orderNo, state, rejected);
    flow.drop(orderNo, now);
  }

  // Answers.

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
      case GET_TOTALS:
        if (message.getBodyCase() == Message.BodyCase.TOTALS) {
          int day = call.body.getGetTotals().getBusinessDay();
          desk.tell(new LinkEvent.TotalsTold(day, message.getTotals()));
        }
        break;
      case PING:
        if (message.getBodyCase() == Message.BodyCase.PONG) {
          ledger.storeAnchor(desk.deviceId, Bytes.of(message.getPong().getJournal()));
        }
        break;
      default:
        if (ledger.isOpen(call.orderNo)) {
          takeOrderAnswer(call, message, now);
        } else {
          takeLookAnswer(call.orderNo, message, now);
        }
        break;
    }
  }

  private void takeSync(SyncReply reply, long now) {
    byte[] seen = Bytes.of(reply.getLedgerSeen());
    if (ledger.book.containment(seen) == Book.Containment.MISSING) {
      ledger.isHalted = true;
      desk.alarm(
          Alarm.Kind.LEDGER_WENT_BACK,
          "",
          "the ledger went back; nothing is made or asked until that is declared");
      return;
    }
    ledger.storeAnchor(desk.deviceId, Bytes.of(reply.getJournal()));
    flow.synced(now);
    desk.tell(new LinkEvent.Ready());
  }

  private void takeList(OrderList page, long now) {
    for (OrderItem item : page.getItemsList()) {
      takeItem(item, now);
    }
    desk.tellAlarms();
    int count = page.getItemsCount();
    ledger.storePull(
        desk.deviceId,
        page.getBook(),
        count == 0 ? 0 : page.getItems(count - 1).getSeq(),
        flow.pullCounts() && !page.getMore());
    if (page.getMore()) {
      flow.list(now);
    } else {
      desk.tell(new LinkEvent.Pulled());
    }
  }

  /** One that is no order is ignored (ORD-224). */
  private void takeItem(OrderItem item, long now) {
    String orderNo;
    try {
      orderNo = Orders.readCore(Bytes.of(item.getCore())).getOrderNo();
    } catch (Malformed error) {
      return;
    }
    boolean wasOpen = ledger.isOpen(orderNo);
    orphans.take(desk.deviceId, orderNo, item, now);
    tellEnd(orderNo, wasOpen, now);
  }

  /** What a later look brings at once; OrderState says that the device really looks (ORD-213). */
  private void takeLookAnswer(String orderNo, Message message, long now) {
    if (message.getBodyCase() == Message.BodyCase.SIGNED_RESULT) {
      takeSigned(message, now);
    } else if (message.getBodyCase() == Message.BodyCase.ORDER_STATE
        && message.getOrderState().getOrderNo().equals(orderNo)) {
      flow.looks.tell(orderNo);
    }
  }

  private Disposition takeSigned(Message message, long now) {
    ByteString result = message.getSignedResult().getResult();
    return takeResult(result, message.getSignedResult().getSignature(), Bytes.NONE, now);
  }

  private void takeOrderAnswer(Calls.Call call, Message message, long now) {
    String orderNo = call.orderNo;
    switch (message.getBodyCase()) {
      case ORDER_STATE:
        if (message.getOrderState().getOrderNo().equals(orderNo)) {
          flow.told(orderNo);
          progress(message.getOrderState());
          return;
        }
        break;
      case SIGNED_RESULT:
        // If it ends the order, nothing is asked any more.
        flow.askLater(orderNo, now);
        takeSigned(message, now);
        return;
      case NO_RECORD:
        if (call.kind() == Message.BodyCase.QUERY_ORDER) {
          takeNoRecord(orderNo, message.getNoRecord().getRun(), now);
          return;
        }
        break;
      case REJECTED:
        takeRejected(call, message.getRejected(), now);
        return;
      default:
        break;
    }
    flow.askLater(orderNo, now);
  }

  /** The order was never accepted, if it is of its own run (ORD-94, ORD-178, ORD-180, ORD-181). */
  private void takeNoRecord(String orderNo, ByteString ofRun, long now) {
    HisOrder order = ledger.order(orderNo);
    if (order.getState() != HisState.HIS_STATE_SENT) {
      flow.askLater(orderNo, now);
    } else if (!ofRun.equals(order.getRun())) {
      enter(orderNo, HisState.HIS_STATE_ASKING, 0, now);
    } else if (now >= order.getStartBy()) {
      enter(orderNo, HisState.HIS_STATE_CANCELLING, 0, now);
    } else {
      flow.submits(orderNo);
    }
  }

  /** What follows from a Rejected (ORD-178, ORD-180, ORD-183, ORD-184). */
  private void takeRejected(Calls.Call call, Rejected said, long now) {
    int code = said.getCodeValue();
    String orderNo = call.orderNo;
    desk.tell(new LinkEvent.Rejected(orderNo, code));
    if (code == RejectCode.REJECT_CODE_MALFORMED_VALUE
        || code == RejectCode.REJECT_CODE_WRONG_DEVICE_VALUE) {
      desk.alarm(
          Alarm.Kind.REFUSED, orderNo, "rejected with " + code + ", which was checked here");
    }
    if (code == RejectCode.REJECT_CODE_CONFLICT_VALUE) {
      takeConflict(orderNo, said, now);
    } else if (call.kind() == Message.BodyCase.SUBMIT_ORDER) {
      enter(orderNo, HisState.HIS_STATE_CANCELLING, code, now);
    } else if (call.kind() == Message.BodyCase.CANCEL_ORDER) {
      enter(orderNo, HisState.HIS_STATE_ASKING, code, now);
    } else {
      flow.askLater(orderNo, now);
    }
  }

  /** The core that the own device holds takes the place of ours (ORD-185, ORD-187). */
  private void takeConflict(String orderNo, Rejected said, long now) {
    if (!people.takeOver(orderNo, said.getCore(), desk.deviceId, now)) {
      flow.askLater(orderNo, now);
      return;
    }
    desk.alarm(
        Alarm.Kind.CONFLICT,
        orderNo,
        "the terminal held another order under this number; that one counts");
    flow.drop(orderNo, now);
    if (!said.getResult().isEmpty()) {
      takeResult(said.getResult(), said.getSignature(), Bytes.NONE, now);
    }
  }
}
