package hispos.client;

import hispos.client.Refusal.Reason;
import hispos.client.messages.AmountLimits;
import hispos.client.messages.Agreement;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.Channel;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.Kind;
import hispos.client.messages.OrderCore;
import hispos.client.messages.Posting;
import hispos.client.messages.RefundOf;
import hispos.client.messages.Reservation;
import hispos.client.messages.SiteRow;
import hispos.client.messages.Table;
import java.util.HashSet;
import java.util.Set;

/** How a HIS makes a refund and reserves its amount (orders, section "Making a refund"). */
final class MakingRefund {
  private static final Channel[] CHANNELS = {Channel.CHANNEL_WECHAT, Channel.CHANNEL_ALIPAY};

  private final Ledger ledger;
  private final Making making;
  private final Refund wanted;
  private final Making.Window window;
  private final Batch batch;

  // What the reasons of ORD-171 are judged by, in their order.
  private HisOrder original;
  private String captureKey;
  private CaptureRow capture;

  MakingRefund(Ledger ledger, Refund wanted, Making.Window window) {
    this.ledger = ledger;
    this.making = new Making(ledger);
    this.wanted = wanted;
    this.window = window;
    this.batch = new Batch(ledger.book);
  }

  /** Makes and stores it, and gives its number (ORD-170 to ORD-176). */
  String make() throws Refusal {
    findOriginal();
    findCapture();
    int day = making.dayOf(window);
    SiteRow site = making.mayMake(batch, window.deviceId, day);
    if (wanted.fen >= 0) {
      throw new Refusal(Reason.OTHER, "the amount of a refund is negative");
    }
    int generation = judgeItem();
    judgeRest();
    String number = number(generation);
    if (batch.has(Table.TABLE_ORDER, number)) {
      throw new Refusal(Reason.ORPHAN, "the number " + number + " has a row");
    }
    judgeLimits(window.agreement, day);
    HisOrder.Builder order =
        making
            .newOrder(core(number, day), window)
            .setBill(original.getBill())
            .setItem(wanted.item)
            .setGeneration(generation);
    if (wanted.isNotToPost) {
      keepFromPosting();
      order.setPosting(Posting.POSTING_NOT_TO_POST);
    }
    Reservation reservation =
        Reservation.newBuilder()
            .setOrderNo(number)
            .setAmount(-wanted.fen)
            .setItem(wanted.item)
            .build();
    batch.put(
        Table.TABLE_CAPTURE,
        captureKey,
        capture.toBuilder()
            .addReservations(reservation)
            .setRefundMadeAt(ledger.book.unix())
            .build());
    // Written as it was: of two refunds that are made at once the second one is decided again.
    batch.put(Table.TABLE_SITE, ledger.site().id(), site);
    ledger.put(batch, number, order.build());
    ledger.commit(batch);
    return number;
  }

  private void findOriginal() throws Refusal {
    if (!batch.has(Table.TABLE_ORDER, wanted.orderNo)) {
      throw new Refusal(Reason.UNKNOWN_ORDER, "the ledger knows no such order");
    }
    original = batch.get(Table.TABLE_ORDER, wanted.orderNo, HisOrder.parser());
    if (original.getOrphan()) {
      throw new Refusal(Reason.ORPHAN, "no bill has adopted the order");
    }
  }

  /** The capture that gives the money back: WeChat's first (ORD-176). */
  private void findCapture() throws Refusal {
    int agreementNo = Orders.core(original.getCore()).getAgreementNo();
    for (Channel channel : CHANNELS) {
      captureKey = ledger.captureKey(agreementNo, wanted.orderNo, channel);
      if (batch.has(Table.TABLE_CAPTURE, captureKey)) {
        capture = batch.get(Table.TABLE_CAPTURE, captureKey, CaptureRow.parser());
        if (!capture.getReturned()) {
          return;
        }
      }
    }
    throw new Refusal(
        Reason.EXCEEDS, "the ledger has no capture of this order that is not returned");
  }

  private String number(int generation) {
    byte[] name = Numbers.refundKey(wanted.orderNo, capture.getChannel(), wanted.item);
    return Numbers.order(ledger.site().secret(), Kind.KIND_REFUND, name, generation);
  }

  /** Whether another refund of the item is under way, and the generation of this one (ORD-172). */
  private int judgeItem() throws Refusal {
    // An adopted refund has no item, but the number of one.
    Set<String> own = new HashSet<>();
    for (int nth = 0; nth < Limits.REFUNDS_PER_CAPTURE_MAX; nth++) {
      own.add(number(nth));
    }
    int generation = 0;
    for (LedgerIndex.Entry order : ledger.index.refundsOf(wanted.orderNo)) {
      boolean isOfItem =
          order.row.getItem().equals(wanted.item) || own.contains(order.orderNo);
      if (order.row.getOrphan()
          || !order.core.getRefundOf().getOrderNo().equals(wanted.orderNo)
          || !isOfItem) {
        continue;
      }
      generation++;
      if (order.row.getState() != HisState.HIS_STATE_REFUNDED
          && order.row.getState() != HisState.HIS_STATE_NOT_REFUNDED) {
        throw new Refusal(
            Reason.ITEM_BUSY, "another refund of it has not ended, or needs people");
      }
    }
    return generation;
  }

  private void judgeRest() throws Refusal {
    long reserved = 0;
    for (Reservation item : capture.getReservationsList()) {
      reserved += item.getAmount();
      if (item.getItem().equals(wanted.item)) {
        throw new Refusal(Reason.ITEM_BUSY, "another refund of it still has a reservation");
      }
    }
    if (-wanted.fen > capture.getAmount() - capture.getRefunded() - reserved) {
      throw new Refusal(Reason.EXCEEDS, "more than what is left");
    }
    if (capture.getRefunds() + capture.getReservationsCount() >= Limits.REFUNDS_PER_CAPTURE_MAX) {
      throw new Refusal(Reason.EXCEEDS, "too many refunds of one payment");
    }
    long left = capture.getRefundMadeAt() + Timers.REFUND_GAP / 1000 - ledger.book.unix();
    if (capture.getRefundMadeAt() != 0 && left > 0) {
      throw new Refusal(
          Reason.TOO_SOON, "too soon after the last refund: " + left + " s are left");
    }
  }

  /** The limits of the agreement, of one refund and of the day's (ORD-16, ORD-17). */
  private void judgeLimits(Agreement agreement, int day) throws Refusal {
    long ofDay = -wanted.fen;
    for (LedgerIndex.Entry order : ledger.index.entriesOfDay(day)) {
      batch.read(Table.TABLE_ORDER, order.orderNo);
      if (order.core.getAmount() < 0
          && order.row.getState() != HisState.HIS_STATE_NOT_REFUNDED) {
        ofDay -= order.core.getAmount();
      }
    }
    AmountLimits limits = agreement.getAmounts();
    if (Long.compareUnsigned(-wanted.fen, limits.getRefundMax()) > 0
        || Long.compareUnsigned(ofDay, limits.getRefundDayMax()) > 0) {
      throw new Refusal(Reason.EXCEEDS, "above a limit of the agreement");
    }
  }

  /** An unposted payment that goes back whole is not posted (ORD-240). */
  private void keepFromPosting() throws Refusal {
    boolean isWhole =
        -wanted.fen == capture.getAmount()
            && !original.getResult().isEmpty()
            && capture
                .getPaymentNo()
                .equals(Orders.result(original.getResult()).getPaymentNo());
    if (original.getPosting() != Posting.POSTING_UNPOSTED || !isWhole) {
      throw new Refusal(
          Reason.OTHER, "only an unposted payment that goes back whole is not posted");
    }
    ledger.put(
        batch,
        wanted.orderNo,
        original.toBuilder().setPosting(Posting.POSTING_NOT_TO_POST).build());
  }

  private OrderCore core(String number, int day) {
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
    return OrderCore.newBuilder()
        .setOrderNo(number)
        .setDeviceId(window.deviceId)
        .setKind(Kind.KIND_REFUND)
        .setAmount(wanted.fen)
        .setBusinessDay(day)
        .setAgreementNo(window.agreement.getAgreementNo())
        .setRefundOf(refund)
        .build();
  }
}
