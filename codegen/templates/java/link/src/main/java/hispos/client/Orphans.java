package hispos.client;

import hispos.client.messages.Evidence;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.OrderItem;
import hispos.client.messages.Outcome;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Table;

/** Orders that only a terminal knows, from its list (ORD-224 to ORD-229). */
final class Orphans {
  private final Ledger ledger;
  private final Accepting accepting;

  Orphans(Ledger ledger, Accepting accepting) {
    this.ledger = ledger;
    this.accepting = accepting;
  }

  /** Takes an item of a device's list in, whose core was read. */
  void take(String deviceId, String orderNo, OrderItem item, long now) {
    byte[] result = Bytes.of(item.getResult());
    byte[] signature = Bytes.of(item.getSignature());
    if (ledger.order(orderNo) != null) {
      if (result.length > 0) {
        accepting.takeResult(deviceId, result, signature, Bytes.NONE, false);
      }
      return;
    }
    Batch batch = new Batch(ledger.book);
    HisOrder.Builder order =
        HisOrder.newBuilder()
            .setCore(item.getCore())
            .setOrphan(true)
            .setState(HisState.HIS_STATE_ASKING)
            .setMadeAt(ledger.book.unix())
            .setLeasedUntil(now + ledger.site().fullLease());
    ResultCore said = result.length == 0 ? null : accepting.authentic(deviceId, result, signature);
    if (said != null && accepting.hasOwnHash(order, said)) {
      order.addEvidence(
          Evidence.newBuilder()
              .setResult(item.getResult())
              .setSignature(item.getSignature())
              .setAt(ledger.book.unix()));
    }
    settle(batch, order);
    ledger.put(batch, orderNo, order.build());
    ledger.commit(batch);
    ledger.alarm(Alarm.Kind.ORPHAN, orderNo, "a terminal holds an order that no bill has adopted");
  }

  /** Reserves an orphan refund and opens the captures of an orphan (ORD-225, ORD-229). */
  private void settle(Batch batch, HisOrder.Builder order) {
    Captures captures = new Captures(ledger, batch);
    int count = order.getEvidenceCount();
    if (count == 0
        || Orders.result(order.getEvidence(count - 1).getResult()).getOutcome()
            != Outcome.OUTCOME_NOT_REFUNDED) {
      captures.reserve(order.getCore());
    }
    for (Evidence item : order.getEvidenceList()) {
      captures.open(order, Orders.result(item.getResult()));
    }
    if (count > 0) {
      order
          .setState(HisState.HIS_STATE_ATTENTION)
          .setLeasedUntil(0)
          .setEndedAt(ledger.book.unix())
          .setLookedAgain(LookPlan.NO_LOOKS);
    }
  }
}
