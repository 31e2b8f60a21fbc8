package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Disposition;
import hispos.client.messages.Evidence;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisOrderOrBuilder;
import hispos.client.messages.HisState;
import hispos.client.messages.OrderCore;
import hispos.client.messages.Outcome;
import hispos.client.messages.Posting;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Table;

/** How the ledger takes results in (orders, section "Accepting a result"). */
final class Accepting {
  private final Ledger ledger;

  Accepting(Ledger ledger) {
    this.ledger = ledger;
  }

  /** What a device says, or null if it is not authentic (ORD-189). */
  ResultCore authentic(String deviceId, byte[] result, byte[] signature) {
    byte[] key = ledger.site().deviceKey(deviceId);
    ResultCore said;
    try {
      said = Orders.readResult(result);
    } catch (NoResult error) {
      return null;
    }
    boolean isOfDevice = key != null && said.getDeviceId().equals(deviceId);
    return isOfDevice && Orders.isSignedBy(ledger.crypto, key, result, signature) ? said : null;
  }

  /**
   * Takes a result in that its signer told in a session; null if it is not authentic (ORD-189 to
   * ORD-200).
   *
   * @param journal the anchor that came with a report, stored in the same transaction
   * @param isLook whether a fresh LookUp about the order was answered by OrderState in this session
   *     (ORD-213)
   */
  Disposition takeResult(
      String deviceId, byte[] result, byte[] signature, byte[] journal, boolean isLook) {
    ResultCore said = authentic(deviceId, result, signature);
    if (said == null) {
      ledger.alarm(Alarm.Kind.NOT_AUTHENTIC, "", "a result that is not authentic");
      ledger.storeAnchor(deviceId, journal);
      return null;
    }
    Batch batch = new Batch(ledger.book);
    String orderNo = said.getOrderNo();
    if (!batch.has(Table.TABLE_ORDER, orderNo)) {
      // Its row comes with the list of its device, which has the core, too (ORD-226).
      ledger.alarm(Alarm.Kind.ORPHAN, orderNo, "a result of an order that no row knows");
      ledger.storeAnchor(deviceId, journal);
      return null;
    }
    HisOrder.Builder order =
        batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser()).toBuilder();
    Taken taken = new Taken(batch, order, said, result, signature);
    Disposition disposition = taken.judge(deviceId, isLook);
    ledger.putAnchor(batch, deviceId, journal);
    ledger.commit(batch);
    return disposition;
  }

  /** Whether a row holds a result as evidence. */
  private static boolean isKept(HisOrderOrBuilder order, ByteString result) {
    for (Evidence item : order.getEvidenceList()) {
      if (item.getResult().equals(result)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a result is about exactly this order. */
  boolean hasOwnHash(HisOrderOrBuilder order, ResultCore said) {
    byte[] hash = Orders.hash(ledger.site().id(), Bytes.of(order.getCore()));
    return !order.getCore().isEmpty() && said.getOrderHash().equals(Bytes.field(hash));
  }

  /** The state that a result leads to, but for what is known otherwise (ORD-186, ORD-194). */
  private HisState endsAs(Batch batch, HisOrderOrBuilder order, ResultCore said) {
    boolean isOther =
        said.getOutcome() == Outcome.OUTCOME_PAID
            && (order.getOtherAmount() || new Captures(ledger, batch).isForeign(said));
    for (Evidence item : order.getEvidenceList()) {
      ResultCore kept = Orders.result(item.getResult());
      boolean wasPaid =
          said.getOutcome() == Outcome.OUTCOME_NOT_PAID
              && kept.getOutcome() == Outcome.OUTCOME_PAID;
      boolean wasRefunded =
          said.getOutcome() == Outcome.OUTCOME_NOT_REFUNDED
              && kept.getOutcome() == Outcome.OUTCOME_REFUNDED
              && hasOwnHash(order, kept);
      isOther |= wasPaid || wasRefunded;
    }
    return isOther ? HisState.HIS_STATE_ATTENTION : state(said.getOutcome());
  }

  /**
   * Ends an order by its newest signed evidence with its hash and amount (ORD-232, ORD-236).
   *
   * @return whether there is such evidence
   */
  boolean endByEvidence(Batch batch, HisOrder.Builder order) {
    long amount = Orders.core(order.getCore()).getAmount();
    Evidence newest = null;
    for (Evidence item : order.getEvidenceList()) {
      ResultCore said = Orders.result(item.getResult());
      if (hasOwnHash(order, said) && said.getAmount() == amount) {
        newest = item;
      }
    }
    if (newest == null) {
      return false;
    }
    HisOrder.Builder earlier = order.build().toBuilder().clearEvidence();
    for (Evidence item : order.getEvidenceList()) {
      if (!item.getResult().equals(newest.getResult())) {
        earlier.addEvidence(item);
      }
    }
    order.setState(endsAs(batch, earlier, Orders.result(newest.getResult())));
    order
        .setResult(newest.getResult())
        .setSignature(newest.getSignature())
        .setLeasedUntil(0);
    if (order.getState() != HisState.HIS_STATE_ATTENTION) {
      order.setLookedAgain(0);
    }
    if (order.getEndedAt() == 0) {
      order.setEndedAt(ledger.book.unix());
    }
    toPost(order);
    return true;
  }

  /** ORD-241. */
  private static void toPost(HisOrder.Builder order) {
    boolean moved =
        order.getState() == HisState.HIS_STATE_PAID
            || order.getState() == HisState.HIS_STATE_REFUNDED;
    if (moved && order.getPosting() != Posting.POSTING_NOT_TO_POST) {
      order.setPosting(Posting.POSTING_UNPOSTED);
    }
  }

  /** One result and the row of its order, in one batch. */
  private final class Taken {
    private final Batch batch;
    private final Captures captures;
    private final HisOrder.Builder order;
    private final ResultCore said;
    private final ByteString result;
    private final ByteString signature;

    Taken(
        Batch batch, HisOrder.Builder order, ResultCore said, byte[] result, byte[] signature) {
      this.batch = batch;
      this.captures = new Captures(ledger, batch);
      this.order = order;
      this.said = said;
      this.result = Bytes.field(result);
      this.signature = Bytes.field(signature);
    }

    /** Ends the order, keeps the result as evidence, or knows it already. */
    Disposition judge(String deviceId, boolean isLook) {
      boolean isEnd = order.getResult().equals(result);
      if (isEnd || isKept(order, result)) {
        if (isLook && LookPlan.count(order, ledger.book.unix())) {
          releaseIfNothingWasGivenBack();
          ledger.put(batch, said.getOrderNo(), order.build());
        }
        return isEnd ? Disposition.DISPOSITION_RECORDED : Disposition.DISPOSITION_KEPT;
      }
      boolean mayEnd = !order.getOrphan() && !Ledger.hasEnded(order.build());
      boolean ends =
          mayEnd
              && isOfOrder()
              && !ledger.site().isEvidenceOnly(deviceId, ledger.book.unix());
      if (ends) {
        end();
      } else {
        keep();
      }
      ledger.put(batch, said.getOrderNo(), order.build());
      return ends ? Disposition.DISPOSITION_RECORDED : Disposition.DISPOSITION_KEPT;
    }

    private boolean isOfOrder() {
      OrderCore core = Orders.core(order.getCore());
      boolean isOfSigner =
          said.getDeviceId().equals(core.getDeviceId())
              || order.getDevicesList().contains(said.getDeviceId());
      return isOfSigner && hasOwnHash(order, said) && said.getAmount() == core.getAmount();
    }

    /** Ends an order by a result (ORD-193, ORD-194, ORD-241). */
    private void end() {
      HisState state = endsAs(batch, order, said);
      boolean isForeign = captures.isForeign(said);
      order
          .setResult(result)
          .setSignature(signature)
          .setEndedAt(ledger.book.unix())
          .setLeasedUntil(0)
          .setState(state);
      toPost(order);
      captures.open(order, said);
      boolean isAttention = state == HisState.HIS_STATE_ATTENTION;
      if (isForeign || (isAttention && said.getOutcome() != Outcome.OUTCOME_ATTENTION)) {
        ledger.alarm(
            Alarm.Kind.CONTRADICTION, said.getOrderNo(), "its result does not fit what is known");
      }
      if (!isAttention) {
        captures.settle(said.getOrderNo(), order, said);
      }
    }

    /** Whether the refund is booked, by its end or by later evidence (ORD-198). */
    private boolean wasBooked() {
      if (order.getState() == HisState.HIS_STATE_REFUNDED) {
        return true;
      }
      for (Evidence item : order.getEvidenceList()) {
        ResultCore kept = Orders.result(item.getResult());
        if (kept.getOutcome() == Outcome.OUTCOME_REFUNDED
            && hasOwnHash(order, kept)
            && item.getAt() >= order.getEndedAt()) {
          return true;
        }
      }
      return false;
    }

    /** The last look has proved no refund: the item is free again (ORD-208). */
    private void releaseIfNothingWasGivenBack() {
      if (LookPlan.provesNoRefund(order)) {
        captures.release(said.getOrderNo(), order);
      }
    }

    /** Keeps a result as evidence (ORD-196 to ORD-200). */
    private void keep() {
      boolean wasBooked = wasBooked();
      order.addEvidence(
          Evidence.newBuilder()
              .setResult(result)
              .setSignature(signature)
              .setAt(ledger.book.unix()));
      LookPlan.count(order, ledger.book.unix());
      boolean isOwn = hasOwnHash(order, said);
      boolean isNew = isOwn && captures.open(order, said);
      boolean isCalledFailed =
          order.getState() == HisState.HIS_STATE_NOT_REFUNDED
              || order.getState() == HisState.HIS_STATE_ATTENTION;
      boolean isLate =
          isOwn
              && said.getOutcome() == Outcome.OUTCOME_REFUNDED
              && isCalledFailed
              && !wasBooked
              && !order.getOrphan();
      if (isLate) {
        captures.settle(said.getOrderNo(), order, said);
      } else {
        releaseIfNothingWasGivenBack();
      }
      boolean differs =
          Ledger.hasEnded(order.build())
              && state(said.getOutcome()) != order.getState()
              && said.getOutcome() != Outcome.OUTCOME_ATTENTION;
      if (!order.getCore().isEmpty() && (!isOwn || isNew || isLate || differs)) {
        ledger.alarm(
            Alarm.Kind.CONTRADICTION, said.getOrderNo(), "evidence does not fit what is known");
      }
    }
  }

  private static HisState state(Outcome outcome) {
    switch (outcome) {
      case OUTCOME_PAID:
        return HisState.HIS_STATE_PAID;
      case OUTCOME_NOT_PAID:
        return HisState.HIS_STATE_NOT_PAID;
      case OUTCOME_REFUNDED:
        return HisState.HIS_STATE_REFUNDED;
      case OUTCOME_NOT_REFUNDED:
        return HisState.HIS_STATE_NOT_REFUNDED;
      default:
        return HisState.HIS_STATE_ATTENTION;
    }
  }
}
