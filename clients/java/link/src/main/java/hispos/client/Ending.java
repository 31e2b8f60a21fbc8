package hispos.client;

import hispos.client.messages.FoundCapture;
import hispos.client.messages.Outcome;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Status;

/** How an order of a POS ends: what its signed result says. */
final class Ending {
  final Outcome outcome;
  final Status status;
  final Capture capture;
  final String refundId;
  final long refundedAt;

  private Ending(
      Outcome outcome, Status status, Capture capture, String refundId, long refundedAt) {
    this.outcome = outcome;
    this.status = status;
    this.capture = capture;
    this.refundId = refundId;
    this.refundedAt = refundedAt;
  }

  static Ending paid(boolean isAfterCancel, Capture capture) {
    Status status = isAfterCancel ? Status.STATUS_PAID_AFTER_CANCEL : Status.STATUS_PAID;
    return new Ending(Outcome.OUTCOME_PAID, status, capture, "", 0);
  }

  static Ending notPaid(Status status) {
    return new Ending(Outcome.OUTCOME_NOT_PAID, status, null, "", 0);
  }

  static Ending attention(Status status) {
    return new Ending(Outcome.OUTCOME_ATTENTION, status, null, "", 0);
  }

  static Ending refunded(String refundId, long at) {
    return new Ending(Outcome.OUTCOME_REFUNDED, Status.STATUS_REFUNDED, null, refundId, at);
  }

  static Ending notRefunded(Status status) {
    return new Ending(Outcome.OUTCOME_NOT_REFUNDED, status, null, "", 0);
  }

  /** The status of a death (PAY-77). */
  static Status death(NumberFacts.Finding finding, boolean isPayerRefused) {
    switch (finding) {
      case DEAD_CLOSED:
        return isPayerRefused ? Status.STATUS_PAYER_REFUSED : Status.STATUS_CLOSED;
      case DEAD_ABSENT:
        return isPayerRefused ? Status.STATUS_PAYER_REFUSED_ABSENT : Status.STATUS_ABSENT;
      default:
        return Status.STATUS_EXPIRED;
    }
  }

  /** The result of an order that ends so. */
  ResultCore result(Life life, Step step) {
    boolean isPaid = outcome == Outcome.OUTCOME_PAID;
    ResultCore.Builder result =
        ResultCore.newBuilder()
            .setOrderHash(life.hash)
            .setOrderNo(life.core.getOrderNo())
            .setDeviceId(life.context.deviceId)
            .setOutcome(outcome)
            .setStatus(status)
            .setAmount(life.core.getAmount())
            .setDecidedAt(step.unix);
    int used = life.row.hasAttempt() ? life.row.getAttempt().getChannelValue() : 0;
    if (life.isRefund()) {
      result.setChannel(life.core.getRefundOf().getChannel());
      result.setPaymentNo(life.core.getRefundOf().getPaymentNo());
    } else {
      result.setChannelValue(isPaid ? captured(life, used) : used);
      result.setPaymentNo(capture == null ? "" : capture.paymentNo);
    }
    result.setRefundId(refundId);
    long at = capture == null ? 0 : capture.capturedAt;
    result.setCapturedAt(at != 0 ? at : refundedAt);
    if (!isPaid) {
      String code = life.providerCode;
      result.setProviderCode(
          code.substring(0, Math.min(code.length(), Limits.PROVIDER_CODE_BYTES_MAX)));
    }
    if (outcome == Outcome.OUTCOME_ATTENTION) {
      addFound(life, result);
    }
    return result.build();
  }

  private static int captured(Life life, int used) {
    for (NumberFacts facts : life.facts) {
      if (facts.money != null) {
        return facts.merchant.channel.getNumber();
      }
    }
    return used;
  }

  private static void addFound(Life life, ResultCore.Builder result) {
    for (NumberFacts facts : life.facts) {
      if (facts.money != null && result.getFoundCount() < 2) {
        result.addFound(
            FoundCapture.newBuilder()
                .setChannel(facts.merchant.channel)
                .setPaymentNo(facts.money.paymentNo)
                .setAmount(facts.money.amount)
                .setCapturedAt(facts.money.capturedAt));
      }
    }
  }
}
