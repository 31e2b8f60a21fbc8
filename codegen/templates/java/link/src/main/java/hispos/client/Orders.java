package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import hispos.client.messages.Channel;
import hispos.client.messages.FoundCapture;
import hispos.client.messages.Kind;
import hispos.client.messages.OrderCore;
import hispos.client.messages.Outcome;
import hispos.client.messages.RefundOf;
import hispos.client.messages.RejectCode;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Status;

/** Cores and results, judged as a receiver does (orders). */
public final class Orders {
  private static final int[] MONTH_DAYS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

  private Orders() {}

  /** An order's core (ORD-28 to ORD-30). */
  public static OrderCore readCore(byte[] core) throws Malformed {
    try {
      Canonical.validate("OrderCore", core);
    } catch (NotCanonical error) {
      throw malformed(error.getMessage());
    }
    OrderCore order = Bytes.parsed(OrderCore.parser(), core);
    if (order.getKind() != Kind.KIND_COLLECT && order.getKind() != Kind.KIND_REFUND) {
      throw malformed("kind");
    }
    boolean isCollect = order.getKind() == Kind.KIND_COLLECT;
    if (!isInRange(order.getAmount()) || order.getAmount() > 0 != isCollect) {
      throw new Malformed(RejectCode.REJECT_CODE_AMOUNT, "amount");
    }
    if (!isDay(order.getBusinessDay() & 0xFFFFFFFFL) || order.hasRefundOf() == isCollect) {
      throw malformed("business day, or what is refunded");
    }
    if (!isCollect) {
      judge(order.getRefundOf(), -order.getAmount());
    }
    return order;
  }

  /** A core that was judged before. */
  static OrderCore core(com.google.protobuf.ByteString core) {
    return Bytes.parsed(OrderCore.parser(), core);
  }

  private static void judge(RefundOf refund, long amount) throws Malformed {
    if (refund.getOperator().equals(refund.getApprover()) || !isChannel(refund.getChannel())) {
      throw malformed("operator, approver or channel");
    }
    if (Long.compareUnsigned(refund.getAmount(), amount) < 0
        || Long.compareUnsigned(refund.getAmount(), Limits.AMOUNT_FEN_MAX) > 0) {
      throw malformed("the original's amount");
    }
  }

  private static Malformed malformed(String why) {
    return new Malformed(RejectCode.REJECT_CODE_MALFORMED, why);
  }

  private static boolean isInRange(long amount) {
    return amount >= -Limits.AMOUNT_FEN_MAX && amount <= Limits.AMOUNT_FEN_MAX;
  }

  private static boolean isChannel(Channel channel) {
    return channel == Channel.CHANNEL_WECHAT || channel == Channel.CHANNEL_ALIPAY;
  }

  /** Whether a number YYYYMMDD is a day of the calendar. */
  static boolean isDay(long day) {
    long year = day / 10000;
    int month = (int) (day / 100 % 100);
    if (day < 10000101 || day > 99991231 || month < 1 || month > 12) {
      return false;
    }
    boolean isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int days = MONTH_DAYS[month - 1] + (month == 2 && isLeap ? 1 : 0);
    return day % 100 >= 1 && day % 100 <= days;
  }

  /** The hash of an order, over the core's bytes as they were first made (ORD-31). */
  public static byte[] hash(String siteId, byte[] core) {
    byte[] site = siteId.getBytes(US_ASCII);
    return Hashes.sha256(
        Labels.ORDER.bytes(), new byte[1], Bytes.number(site.length, 1), site, core);
  }

  /** A result (ORD-42 to ORD-45). */
  public static ResultCore readResult(byte[] result) throws NoResult {
    try {
      Canonical.validate("ResultCore", result);
    } catch (NotCanonical error) {
      throw new NoResult("ENC-2");
    }
    ResultCore said = Bytes.parsed(ResultCore.parser(), result);
    Outcome outcome = said.getOutcome();
    if (outcome == Outcome.UNRECOGNIZED || !isInRange(said.getAmount())) {
      throw new NoResult("ORD-42");
    }
    boolean isOfCollect = outcome == Outcome.OUTCOME_PAID || outcome == Outcome.OUTCOME_NOT_PAID;
    boolean isOfRefund =
        outcome == Outcome.OUTCOME_REFUNDED || outcome == Outcome.OUTCOME_NOT_REFUNDED;
    if ((isOfCollect && said.getAmount() < 0) || (isOfRefund && said.getAmount() > 0)) {
      throw new NoResult("ORD-42");
    }
    if (said.getChannelValue() != 0 && !isChannel(said.getChannel())) {
      throw new NoResult("ORD-42");
    }
    for (FoundCapture found : said.getFoundList()) {
      if (!isChannel(found.getChannel())) {
        throw new NoResult("ORD-42");
      }
    }
    if (Status.forNumber(said.getStatusValue()) != null
        && !fits(said.getStatusValue(), outcome)) {
      throw new NoResult("ORD-43");
    }
    if (isInconsistent(said)) {
      throw new NoResult("ORD-45");
    }
    return said;
  }

  /** A result that was judged before. */
  static ResultCore result(com.google.protobuf.ByteString result) {
    return Bytes.parsed(ResultCore.parser(), result);
  }

  /** Whether a status is of an outcome's group (catalogue). */
  private static boolean fits(int status, Outcome outcome) {
    switch (outcome) {
      case OUTCOME_PAID:
        return status >= 100 && status < 110;
      case OUTCOME_REFUNDED:
        return status >= 110 && status < 200;
      case OUTCOME_NOT_PAID:
        return status >= 200 && status < 300;
      case OUTCOME_ATTENTION:
        return status >= 300 && status < 400;
      default:
        return status >= 400 && status < 500;
    }
  }

  private static boolean isInconsistent(ResultCore said) {
    Outcome outcome = said.getOutcome();
    boolean moved = outcome == Outcome.OUTCOME_PAID || outcome == Outcome.OUTCOME_REFUNDED;
    boolean hasChannel = said.getChannelValue() != 0;
    boolean hasPayment = !said.getPaymentNo().isEmpty();
    for (FoundCapture found : said.getFoundList()) {
      if (found.getAmount() < 0 || found.getAmount() > Limits.AMOUNT_FEN_MAX) {
        return true;
      }
    }
    return (moved && !(hasChannel && hasPayment))
        || (hasPayment && !hasChannel)
        || (!said.getRefundId().isEmpty() && said.getAmount() > 0)
        || (outcome == Outcome.OUTCOME_PAID && !said.getProviderCode().isEmpty())
        || (said.getFoundCount() > 0 && outcome != Outcome.OUTCOME_ATTENTION);
  }

  /** What names a result in a confirmation (ORD-46). */
  public static byte[] resultHash(byte[] result) {
    return Bytes.part(Hashes.sha256(result), 0, 16);
  }

  /** Whether a device signed a result (ORD-34). */
  public static boolean isSignedBy(
      Crypto crypto, byte[] deviceKey, byte[] result, byte[] signature) {
    return crypto.verify(deviceKey, Signatures.message(Labels.RESULT, result), signature);
  }

  /** A device's signature of a result (ORD-34). */
  public static byte[] sign(Crypto crypto, byte[] deviceKey, byte[] result) {
    return crypto.sign(deviceKey, Signatures.message(Labels.RESULT, result));
  }
}
