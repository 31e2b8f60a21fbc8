package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.Channel;
import hispos.client.messages.Disposition;
import hispos.client.messages.Evidence;
import hispos.client.messages.FoundCapture;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.OrderCore;
import hispos.client.messages.OrderItem;
import hispos.client.messages.Outcome;
import hispos.client.messages.Posting;
import hispos.client.messages.RefundOf;
import hispos.client.messages.Reservation;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.List;

/** How the ledger takes results in (orders, section "Accepting a result"). */
final class Accepting {
  private final Ledger ledger;

  Accepting(Ledger ledger) {
    this.ledger = ledger;
  }

  /** What a device says, or null if it is not authentic (ORD-189). */
  private ResultCore authentic(String deviceId, byte[] result, byte[] signature) {
    byte[] key = ledger.site.deviceKey(deviceId);
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
   * @param core that of a list's item: an orphan's row is made with it, or gets it (ORD-225)
   * @param journal the anchor that came with a report, stored in the same transaction
   */
  Disposition takeResult(
      String deviceId, byte[] result, byte[] signature, ByteString core, byte[] journal) {
    ResultCore said = authentic(deviceId, result, signature);
    if (said == null) {
      ledger.alarm(Alarm.Kind.NOT_AUTHENTIC, "", "a result that is not authentic");
      ledger.storeAnchor(deviceId, journal);
      return null;
    }
    Batch batch = new Batch(ledger.book);
    String orderNo = said.getOrderNo();
    HisOrder.Builder order;
    if (batch.has(Table.TABLE_ORDER, orderNo)) {
      order = batch.get(Table.TABLE_ORDER, orderNo, HisOrder.parser()).toBuilder();
    } else {
      if (core.isEmpty()) {
        ledger.alarm(Alarm.Kind.ORPHAN, orderNo, "a result of an order that no row knows");
      }
      order =
          HisOrder.newBuilder()
              .setOrphan(true)
              .setState(HisState.HIS_STATE_ATTENTION)
              .setMadeAt(ledger.book.unix());
    }
    if (order.getOrphan() && order.getCore().isEmpty()) {
      order.setCore(core);
    }
    Taken taken = new Taken(batch, order, said, result, signature);
    Disposition disposition = taken.judge(deviceId);
    ledger.putAnchor(batch, deviceId, journal);
    batch.commit();
    return disposition;
  }

  /** Takes an item of a device's list in (ORD-224 to ORD-228). */
  void takeItem(String deviceId, OrderItem item, long now) throws Malformed {
    String orderNo = Orders.readCore(Bytes.of(item.getCore())).getOrderNo();
    byte[] result = Bytes.of(item.getResult());
    byte[] signature = Bytes.of(item.getSignature());
    if (ledger.order(orderNo) == null && authentic(deviceId, result, signature) == null) {
      Batch batch = new Batch(ledger.book);
      batch.read(Table.TABLE_ORDER, orderNo);
      HisOrder orphan =
          HisOrder.newBuilder()
              .setCore(item.getCore())
              .setOrphan(true)
              .setState(HisState.HIS_STATE_ASKING)
              .setMadeAt(ledger.book.unix())
              .setLeasedUntil(now + ledger.site.fullLease())
              .build();
      ledger.put(batch, orderNo, orphan);
      batch.commit();
    } else if (result.length > 0) {
      takeResult(deviceId, result, signature, item.getCore(), Bytes.NONE);
    }
  }

  /** One result and the row of its order, in one batch. */
  private final class Taken {
    private final Batch batch;
    private final HisOrder.Builder order;
    private final ResultCore said;
    private final ByteString result;
    private final ByteString signature;

    Taken(
        Batch batch, HisOrder.Builder order, ResultCore said, byte[] result, byte[] signature) {
      this.batch = batch;
      this.order = order;
      this.said = said;
      this.result = Bytes.field(result);
      this.signature = Bytes.field(signature);
    }

    /** Ends the order, keeps the result as evidence, or knows it already. */
    Disposition judge(String deviceId) {
      if (order.getResult().equals(result)) {
        return Disposition.DISPOSITION_RECORDED;
      }
      for (Evidence item : order.getEvidenceList()) {
        if (item.getResult().equals(result)) {
          return Disposition.DISPOSITION_KEPT;
        }
      }
      boolean mayEnd = !order.getOrphan() && !Ledger.hasEnded(order.build());
      boolean ends =
          mayEnd
              && isOfOrder()
              && !ledger.site.isEvidenceOnly(deviceId, ledger.book.unix());
      if (ends) {
        end();
      } else {
        keep();
      }
      ledger.put(batch, said.getOrderNo(), order.build());
      return ends ? Disposition.DISPOSITION_RECORDED : Disposition.DISPOSITION_KEPT;
    }

    private boolean hasOwnHash() {
      byte[] hash = Orders.hash(ledger.site.id(), Bytes.of(order.getCore()));
      return said.getOrderHash().equals(Bytes.field(hash));
    }

    private boolean isOfOrder() {
      OrderCore core = Orders.core(order.getCore());
      boolean isOfSigner =
          said.getDeviceId().equals(core.getDeviceId())
              || order.getDevicesList().contains(said.getDeviceId());
      return isOfSigner && hasOwnHash() && said.getAmount() == core.getAmount();
    }

    /** Ends an order by a result (ORD-193, ORD-194, ORD-241). */
    private void end() {
      order
          .setResult(result)
          .setSignature(signature)
          .setEndedAt(ledger.book.unix())
          .setLeasedUntil(0);
      HisState state = state(said.getOutcome());
      boolean isForeign = openCaptures();
      if (isForeign
          || (said.getOutcome() == Outcome.OUTCOME_NOT_PAID && hasEvidence(Outcome.OUTCOME_PAID))) {
        state = HisState.HIS_STATE_ATTENTION;
        ledger.alarm(
            Alarm.Kind.CONTRADICTION, said.getOrderNo(), "its result does not fit what is known");
      }
      if (order.getOtherAmount() && said.getOutcome() == Outcome.OUTCOME_PAID) {
        state = HisState.HIS_STATE_ATTENTION;
      }
      order.setState(state);
      if (state == HisState.HIS_STATE_PAID || state == HisState.HIS_STATE_REFUNDED) {
        order.setPosting(Posting.POSTING_UNPOSTED);
      }
      if (said.getAmount() < 0) {
        bookRefund();
      }
    }

    private boolean hasEvidence(Outcome outcome) {
      for (Evidence item : order.getEvidenceList()) {
        if (Orders.result(item.getResult()).getOutcome() == outcome) {
          return true;
        }
      }
      return false;
    }

    /** Keeps a result as evidence (ORD-196 to ORD-200). */
    private void keep() {
      boolean wasBooked = hasEvidence(Outcome.OUTCOME_REFUNDED);
      order.addEvidence(
          Evidence.newBuilder()
              .setResult(result)
              .setSignature(signature)
              .setAt(ledger.book.unix()));
      if (order.getCore().isEmpty()) {
        return;
      }
      String orderNo = said.getOrderNo();
      if (!hasOwnHash()) {
        ledger.alarm(Alarm.Kind.CONTRADICTION, orderNo, "evidence about another order");
        return;
      }
      int before = batch.size();
      openCaptures();
      if (batch.size() > before) {
        ledger.alarm(Alarm.Kind.CONTRADICTION, orderNo, "evidence of money that nobody knew");
      }
      boolean isCalledFailed =
          order.getState() == HisState.HIS_STATE_NOT_REFUNDED
              || order.getState() == HisState.HIS_STATE_ATTENTION;
      if (said.getOutcome() == Outcome.OUTCOME_REFUNDED
          && isCalledFailed
          && !wasBooked
          && !order.getOrphan()) {
        ledger.alarm(
            Alarm.Kind.CONTRADICTION, orderNo, "a refund that was called failed was carried out");
        bookRefund();
      }
    }

    /** What money a result tells of. */
    private List<FoundCapture> told() {
      if (said.getOutcome() != Outcome.OUTCOME_PAID) {
        return said.getFoundList();
      }
      List<FoundCapture> found = new ArrayList<>();
      found.add(
          FoundCapture.newBuilder()
              .setChannel(said.getChannel())
              .setPaymentNo(said.getPaymentNo())
              .setAmount(said.getAmount())
              .setCapturedAt(said.getCapturedAt())
              .build());
      return found;
    }

    /** Opens the rows of that money (ORD-195, ORD-203, ORD-204). Whether one is another order's. */
    private boolean openCaptures() {
      boolean isForeign = false;
      for (FoundCapture told : told()) {
        String number =
            Numbers.platform(
                ledger.site.code(), said.getOrderNo(), Numbers.letter(told.getChannel()));
        String finder = finder(told.getChannel(), told.getPaymentNo());
        String known =
            batch.get(Table.TABLE_CAPTURE, finder, CaptureRow.parser()).getOrderNo();
        if (!known.isEmpty() && !known.equals(said.getOrderNo())) {
          isForeign = true;
          continue;
        }
        if (batch.has(Table.TABLE_CAPTURE, number)) {
          continue;
        }
        batch.put(
            Table.TABLE_CAPTURE,
            number,
            CaptureRow.newBuilder()
                .setOrderNo(said.getOrderNo())
                .setBill(order.getBill())
                .setChannel(told.getChannel())
                .setPaymentNo(told.getPaymentNo())
                .setAmount(told.getAmount())
                .setAgreementNo(Orders.core(order.getCore()).getAgreementNo())
                .setCapturedAt(told.getCapturedAt())
                .build());
        batch.put(
            Table.TABLE_CAPTURE,
            finder,
            CaptureRow.newBuilder().setOrderNo(said.getOrderNo()).build());
      }
      return isForeign;
    }

    /** Books a refund or releases its reservation (ORD-206, ORD-207). */
    private void bookRefund() {
      RefundOf refund = Orders.core(order.getCore()).getRefundOf();
      String key =
          Numbers.platform(
              ledger.site.code(), refund.getOrderNo(), Numbers.letter(refund.getChannel()));
      CaptureRow.Builder capture =
          batch.get(Table.TABLE_CAPTURE, key, CaptureRow.parser()).toBuilder();
      Texts.Meaning meaning = Texts.STATUS.get(said.getStatusValue());
      boolean restsOnAbsence = meaning == null || meaning.restsOnAbsence;
      boolean isRefunded = said.getOutcome() == Outcome.OUTCOME_REFUNDED;
      if (isRefunded) {
        capture.setRefunded(capture.getRefunded() - said.getAmount());
        capture.setRefunds(capture.getRefunds() + 1);
        capture.setReturned(capture.getRefunded() >= capture.getAmount());
      }
      if (isRefunded
          || (said.getOutcome() == Outcome.OUTCOME_NOT_REFUNDED && !restsOnAbsence)) {
        List<Reservation> kept = new ArrayList<>();
        for (Reservation item : capture.getReservationsList()) {
          if (!item.getOrderNo().equals(said.getOrderNo())) {
            kept.add(item);
          }
        }
        capture.clearReservations().addAllReservations(kept);
      }
      batch.put(Table.TABLE_CAPTURE, key, capture.build());
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

  private static String finder(Channel channel, String paymentNo) {
    return (channel == Channel.CHANNEL_WECHAT ? "wechat/" : "alipay/") + paymentNo;
  }
}
