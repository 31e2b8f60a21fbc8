package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.Channel;
import hispos.client.messages.FoundCapture;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisOrderOrBuilder;
import hispos.client.messages.OrderCore;
import hispos.client.messages.Outcome;
import hispos.client.messages.Posting;
import hispos.client.messages.RefundOf;
import hispos.client.messages.Reservation;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.List;

/** The captures that one step opens, books and reserves (orders, section "Captures and refunds"). */
final class Captures {
  private final Ledger ledger;
  private final Batch batch;

  Captures(Ledger ledger, Batch batch) {
    this.ledger = ledger;
    this.batch = batch;
  }

  /** What money a result tells of (ORD-203). */
  private static List<FoundCapture> told(ResultCore said) {
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

  private static String finder(Channel channel, String paymentNo) {
    return (channel == Channel.CHANNEL_WECHAT ? "wechat/" : "alipay/") + paymentNo;
  }

  /** Whether the payment number of a capture belongs to another order than this one. */
  private boolean isOfAnother(Channel channel, String paymentNo, String orderNo) {
    String of = row(finder(channel, paymentNo)).getOrderNo();
    return !of.isEmpty() && !of.equals(orderNo);
  }

  private void putFinder(CaptureRow capture) {
    String finder = finder(capture.getChannel(), capture.getPaymentNo());
    if (!batch.has(Table.TABLE_CAPTURE, finder)) {
      CaptureRow found = CaptureRow.newBuilder().setOrderNo(capture.getOrderNo()).build();
      batch.put(Table.TABLE_CAPTURE, finder, found);
    }
  }

  private CaptureRow row(String key) {
    return batch.get(Table.TABLE_CAPTURE, key, CaptureRow.parser());
  }

  /** Whether a payment number in a result belongs to another order (ORD-194). */
  boolean isForeign(ResultCore said) {
    for (FoundCapture told : told(said)) {
      if (isOfAnother(told.getChannel(), told.getPaymentNo(), said.getOrderNo())) {
        return true;
      }
    }
    return false;
  }

  /**
   * Opens the rows of the money that a result tells of (ORD-195, ORD-203, ORD-204).
   *
   * @return whether it tells of money that had no row
   */
  boolean open(HisOrderOrBuilder order, ResultCore said) {
    OrderCore core = Orders.core(order.getCore());
    if (order.getCore().isEmpty() || core.getAmount() < 0) {
      return false;
    }
    boolean isNew = false;
    for (FoundCapture told : told(said)) {
      String key =
          ledger.captureKey(core.getAgreementNo(), core.getOrderNo(), told.getChannel());
      if (batch.has(Table.TABLE_CAPTURE, key)
          && !row(key).getPaymentNo().equals(told.getPaymentNo())) {
        key = key + "-" + told.getPaymentNo();
      }
      if (batch.has(Table.TABLE_CAPTURE, key)) {
        continue;
      }
      isNew = true;
      if (isOfAnother(told.getChannel(), told.getPaymentNo(), core.getOrderNo())) {
        continue;
      }
      CaptureRow capture =
          CaptureRow.newBuilder()
              .setOrderNo(core.getOrderNo())
              .setBill(order.getBill())
              .setChannel(told.getChannel())
              .setPaymentNo(told.getPaymentNo())
              .setAmount(told.getAmount())
              .setAgreementNo(core.getAgreementNo())
              .setCapturedAt(told.getCapturedAt())
              .build();
      batch.put(Table.TABLE_CAPTURE, key, capture);
      putFinder(capture);
    }
    return isNew;
  }

  /** The key of the capture row that a refund gives back, or null. */
  private String original(ByteString core) {
    OrderCore order = Orders.core(core);
    if (order.getAmount() >= 0) {
      return null;
    }
    RefundOf refund = order.getRefundOf();
    String key =
        ledger.captureKey(refund.getAgreementNo(), refund.getOrderNo(), refund.getChannel());
    return batch.has(Table.TABLE_CAPTURE, key) ? key : null;
  }

  /** Whether the original of a refund holds a reservation of it. */
  boolean isReserved(String orderNo, ByteString core) {
    String key = original(core);
    if (key != null) {
      for (Reservation item : row(key).getReservationsList()) {
        if (item.getOrderNo().equals(orderNo)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Books a refund or releases its reservation (ORD-206, ORD-207). */
  void settle(String orderNo, HisOrderOrBuilder order, ResultCore said) {
    String key = original(order.getCore());
    if (key != null && said.getOutcome() == Outcome.OUTCOME_REFUNDED) {
      CaptureRow.Builder capture = row(key).toBuilder();
      removeReservation(capture, orderNo);
      capture.setRefunded(capture.getRefunded() - said.getAmount());
      capture.setRefunds(capture.getRefunds() + 1);
      capture.setReturned(capture.getRefunded() >= capture.getAmount());
      batch.put(Table.TABLE_CAPTURE, key, capture.build());
    } else if (said.getOutcome() == Outcome.OUTCOME_NOT_REFUNDED
        && !LookPlan.restsOnAbsence(said.getStatusValue())) {
      release(orderNo, order);
    }
  }

  /** Removes a reservation without a booking, and gives the payment back to posting (ORD-240). */
  void release(String orderNo, HisOrderOrBuilder order) {
    String key = original(order.getCore());
    if (key == null) {
      return;
    }
    CaptureRow.Builder capture = row(key).toBuilder();
    if (!removeReservation(capture, orderNo)) {
      return;
    }
    batch.put(Table.TABLE_CAPTURE, key, capture.build());
    String of = Orders.core(order.getCore()).getRefundOf().getOrderNo();
    HisOrder paid = batch.get(Table.TABLE_ORDER, of, HisOrder.parser());
    if (order.getPosting() == Posting.POSTING_NOT_TO_POST
        && paid.getPosting() == Posting.POSTING_NOT_TO_POST) {
      ledger.put(batch, of, paid.toBuilder().setPosting(Posting.POSTING_UNPOSTED).build());
    }
  }

  /** Whether there was a reservation of the order. */
  private static boolean removeReservation(CaptureRow.Builder capture, String orderNo) {
    List<Reservation> kept = new ArrayList<>();
    for (Reservation item : capture.getReservationsList()) {
      if (!item.getOrderNo().equals(orderNo)) {
        kept.add(item);
      }
    }
    boolean wasThere = kept.size() < capture.getReservationsCount();
    capture.clearReservations().addAllReservations(kept);
    return wasThere;
  }

  /**
   * Reserves the amount of an orphan refund in the row of its original, opened from what the refund
   * says of it (ORD-229).
   */
  void reserve(ByteString core) {
    OrderCore order = Orders.core(core);
    if (order.getAmount() >= 0) {
      return;
    }
    RefundOf of = order.getRefundOf();
    Reservation reservation =
        Reservation.newBuilder()
            .setOrderNo(order.getOrderNo())
            .setAmount(-order.getAmount())
            .build();
    String key = original(core);
    if (key != null) {
      batch.put(
          Table.TABLE_CAPTURE, key, row(key).toBuilder().addReservations(reservation).build());
      return;
    }
    if (isOfAnother(of.getChannel(), of.getPaymentNo(), of.getOrderNo())) {
      return;
    }
    HisOrder paid = batch.get(Table.TABLE_ORDER, of.getOrderNo(), HisOrder.parser());
    CaptureRow capture =
        CaptureRow.newBuilder()
            .setOrderNo(of.getOrderNo())
            .setBill(paid.getBill())
            .setChannel(of.getChannel())
            .setPaymentNo(of.getPaymentNo())
            .setAmount(of.getAmount())
            .setAgreementNo(of.getAgreementNo())
            .addReservations(reservation)
            .build();
    putFinder(capture);
    batch.put(
        Table.TABLE_CAPTURE,
        ledger.captureKey(of.getAgreementNo(), of.getOrderNo(), of.getChannel()),
        capture);
  }

  /** Makes a reservation at least as large as a refund that took the place of ours (ORD-185). */
  void enlarge(ByteString core) {
    String key = original(core);
    if (key == null) {
      return;
    }
    OrderCore order = Orders.core(core);
    CaptureRow.Builder capture = row(key).toBuilder();
    boolean isChanged = false;
    for (int place = 0; place < capture.getReservationsCount(); place++) {
      Reservation item = capture.getReservations(place);
      if (item.getOrderNo().equals(order.getOrderNo()) && item.getAmount() < -order.getAmount()) {
        capture.setReservations(place, item.toBuilder().setAmount(-order.getAmount()));
        isChanged = true;
      }
    }
    if (isChanged) {
      batch.put(Table.TABLE_CAPTURE, key, capture.build());
    }
  }

  /** The keys of an order's captures. */
  List<String> of(String orderNo) {
    List<String> found = new ArrayList<>();
    for (String key : ledger.index.capturesOfOrder(orderNo)) {
      if (row(key).getOrderNo().equals(orderNo)) {
        found.add(key);
      }
    }
    return found;
  }
}
