package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.Refusal.Reason;
import hispos.client.messages.BillRow;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.Decision;
import hispos.client.messages.DecisionKind;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisOrderOrBuilder;
import hispos.client.messages.HisState;
import hispos.client.messages.OrderCore;
import hispos.client.messages.PeerRow;
import hispos.client.messages.Table;
import java.util.List;

/**
 * What people decide about a ledger: adopting orphans, decisions of two people, going on without a
 * list (orders, books).
 *
 * <p>After a change, call {@code onTimer} of the ledger's links: what is asked may have changed.
 */
public final class People {
  private final Ledger ledger;
  private final Accepting accepting;

  /** The decisions of a ledger, in its thread. */
  public People(Ledger ledger) {
    this.ledger = ledger;
    this.accepting = new Accepting(ledger);
  }

  /** A bill adopts an orphan, because a person or the bill database says so (ORD-232, ORD-233). */
  public void adopt(String orderNo, String bill) throws Refusal {
    Batch batch = new Batch(ledger.book);
    HisOrder.Builder order =
        batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser()).toBuilder();
    if (!order.getOrphan() || order.getCore().isEmpty()) {
      throw new Refusal(Reason.UNKNOWN_ORDER, "no orphan of this number");
    }
    Making.judgeKey(bill);
    order.setOrphan(false).setBill(bill).setLookedAgain(0);
    if (!accepting.endByEvidence(batch, order)) {
      order.setState(HisState.HIS_STATE_ASKING);
    }
    if (Orders.core(order.getCore()).getAmount() > 0) {
      BillRow row = batch.get(Table.TABLE_BILL, bill, BillRow.parser());
      order.setGeneration(row.getOrders());
      batch.put(
          Table.TABLE_BILL,
          bill,
          row.toBuilder().setPresent(orderNo).setOrders(row.getOrders() + 1).build());
    }
    for (String key : new Captures(ledger, batch).of(orderNo)) {
      CaptureRow capture = batch.get(Table.TABLE_CAPTURE, key, CaptureRow.parser());
      batch.put(Table.TABLE_CAPTURE, key, capture.toBuilder().setBill(bill).build());
    }
    settle(batch, orderNo, order, true);
    ledger.put(batch, orderNo, order.build());
    ledger.commit(batch);
  }

  /** Books or releases a refund that is not booked yet (ORD-206, ORD-207). */
  private void settle(Batch batch, String orderNo, HisOrderOrBuilder order, boolean isAdopted) {
    Captures captures = new Captures(ledger, batch);
    boolean hasEnd =
        order.getState() != HisState.HIS_STATE_ATTENTION && !order.getResult().isEmpty();
    if (hasEnd && (isAdopted || captures.isReserved(orderNo, order.getCore()))) {
      captures.settle(orderNo, order, Orders.result(order.getResult()));
    }
  }

  private static void needTwo(String first, String second) throws Refusal {
    if (first.isEmpty() || second.isEmpty() || first.equals(second)) {
      throw new Refusal(Reason.OTHER, "a decision needs two different people");
    }
  }

  /** Two different people decide about an order (ORD-234 to ORD-239). */
  public void decide(String orderNo, DecisionKind kind, String first, String second)
      throws Refusal {
    needTwo(first, second);
    Batch batch = new Batch(ledger.book);
    if (!batch.has(Table.TABLE_ORDER, orderNo)) {
      throw new Refusal(Reason.UNKNOWN_ORDER, "the ledger knows no such order");
    }
    HisOrder.Builder order =
        batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser()).toBuilder();
    if (kind != DecisionKind.DECISION_KIND_RETURNED
        && order.getState() != HisState.HIS_STATE_ASKING
        && order.getState() != HisState.HIS_STATE_ATTENTION) {
      throw new Refusal(
          Reason.OTHER, "only what is asked about or needs attention is decided");
    }
    decide(batch, orderNo, order, kind);
    if (Ledger.hasEnded(order.build()) && order.getEndedAt() == 0) {
      order.setEndedAt(ledger.book.unix());
    }
    order.setDecision(
        Decision.newBuilder()
            .setKind(kind)
            .setByFirst(first)
            .setBySecond(second)
            .setAt(ledger.book.unix()));
    ledger.put(batch, orderNo, order.build());
    ledger.commit(batch);
  }

  private void decide(Batch batch, String orderNo, HisOrder.Builder order, DecisionKind kind)
      throws Refusal {
    List<String> captures = new Captures(ledger, batch).of(orderNo);
    switch (kind) {
      case DECISION_KIND_EVIDENCE:
        if (order.getOrphan()) {
          throw new Refusal(
              Reason.ORPHAN, "no bill has adopted the order: let one adopt it first");
        }
        if (!accepting.endByEvidence(batch, order)) {
          throw new Refusal(Reason.OTHER, "no signed evidence is kept");
        }
        settle(batch, orderNo, order, false);
        break;
      case DECISION_KIND_NOT_PAID:
        judgeUnpaid(batch, order, captures);
        order.setState(HisState.HIS_STATE_NOT_PAID).setLeasedUntil(0);
        break;
      case DECISION_KIND_KEEP:
        order.setState(HisState.HIS_STATE_ATTENTION).setLeasedUntil(0);
        break;
      case DECISION_KIND_RETURNED:
        for (String key : captures) {
          CaptureRow capture = batch.get(Table.TABLE_CAPTURE, key, CaptureRow.parser());
          batch.put(Table.TABLE_CAPTURE, key, capture.toBuilder().setReturned(true).build());
        }
        break;
      default:
        throw new Refusal(Reason.OTHER, "no such decision");
    }
  }

  private static void judgeUnpaid(Batch batch, HisOrderOrBuilder order, List<String> captures)
      throws Refusal {
    if (Orders.core(order.getCore()).getAmount() < 0) {
      throw new Refusal(Reason.OTHER, "a refund is not decided as unpaid");
    }
    for (String key : captures) {
      if (!batch.get(Table.TABLE_CAPTURE, key, CaptureRow.parser()).getReturned()) {
        throw new Refusal(Reason.BILL_CAPTURED, key + " is not returned");
      }
    }
  }

  /** Two people go on without the list of a device that cannot answer (BOK-41, BOK-42). */
  public void goOnWithout(String deviceId, String first, String second) throws Refusal {
    needTwo(first, second);
    Batch batch = new Batch(ledger.book);
    PeerRow peer = batch.get(Table.TABLE_PEER, deviceId, PeerRow.parser());
    batch.put(Table.TABLE_PEER, deviceId, Ledger.filled(peer.toBuilder().setPulled(true)));
    long unix = ledger.book.unix();
    String record =
        String.format(
            "{\"by\": [%s, %s], \"at\": %s}",
            quoted(first), quoted(second), unix == 0 ? "null" : Long.toString(unix));
    String key = "without_list/" + deviceId;
    batch.read(Table.TABLE_PROGRAM, key);
    batch.put(Table.TABLE_PROGRAM, key, ByteString.copyFromUtf8(record));
    ledger.commit(batch);
  }

  /** A text as JSON has it. */
  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char letter : text.toCharArray()) {
      if (letter == '"' || letter == '\\') {
        quoted.append('\\').append(letter);
      } else if (letter < 0x20 || letter > 0x7E) {
        String digits = Bytes.hex(Bytes.number(letter, 2));
        quoted.append("\\u").append(digits);
      } else {
        quoted.append(letter);
      }
    }
    return quoted.append('"').toString();
  }

  /**
   * The order's own device holds another core of its number: that takes the place of ours (ORD-185,
   * ORD-186).
   *
   * @return whether it did; a result that came with it is then treated as reported
   */
  boolean takeOver(String orderNo, ByteString held, String deviceId, long now) {
    OrderCore core;
    try {
      core = Orders.readCore(Bytes.of(held));
    } catch (Malformed error) {
      return false;
    }
    Batch batch = new Batch(ledger.book);
    HisOrder.Builder order =
        batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser()).toBuilder();
    OrderCore ours = Orders.core(order.getCore());
    if (order.getCore().isEmpty()
        || Ledger.hasEnded(order.build())
        || order.getCore().equals(held)
        || !deviceId.equals(ours.getDeviceId())
        || !deviceId.equals(core.getDeviceId())
        || !orderNo.equals(core.getOrderNo())) {
      return false;
    }
    order
        .setOtherAmount(order.getOtherAmount() || ours.getAmount() != core.getAmount())
        .setCore(held)
        .setState(HisState.HIS_STATE_ASKING)
        .setLeasedUntil(now + ledger.site().fullLease());
    new Captures(ledger, batch).enlarge(held);
    ledger.put(batch, orderNo, order.build());
    ledger.commit(batch);
    return true;
  }
}
