package hispos.client;

/** A refund that people ask for (ORD-174). */
public final class Refund {
  final String orderNo;
  final long fen;
  final String item;
  final String operator;
  final String approver;
  final String reason;
  final boolean isNotToPost;

  /**
   * What two people want.
   *
   * @param orderNo the collect whose money goes back
   * @param fen the amount, negative
   * @param item what of the bill it is for; may be empty
   * @param operator who asks
   * @param approver who agrees, another person
   */
  public Refund(
      String orderNo, long fen, String item, String operator, String approver, String reason) {
    this(orderNo, fen, item, operator, approver, reason, false);
  }

  private Refund(
      String orderNo,
      long fen,
      String item,
      String operator,
      String approver,
      String reason,
      boolean isNotToPost) {
    this.orderNo = orderNo;
    this.fen = fen;
    this.item = item;
    this.operator = operator;
    this.approver = approver;
    this.reason = reason;
    this.isNotToPost = isNotToPost;
  }

  /**
   * The same refund, of a payment that is not posted yet and goes back whole: neither the payment
   * nor the refund is posted then (ORD-240).
   */
  public Refund notToPost() {
    return new Refund(orderNo, fen, item, operator, approver, reason, true);
  }
}
