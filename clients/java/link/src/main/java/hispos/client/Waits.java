package hispos.client;

import hispos.client.messages.AgreedTimers;

/** The agreed timers in milliseconds. */
final class Waits {
  /** Those without an agreement. */
  static final Waits USUAL = new Waits(null);

  final long start;
  final long act;
  final long drift;
  final long connect;
  final long http;
  final long pollWechat;
  final long pollAlipay;
  final long reverseMin;
  final long fence;
  final long expiry;
  final long query;
  final long absenceGap;

  Waits(AgreedTimers agreed) {
    boolean isUsual = agreed == null;
    start = isUsual ? Timers.START : of(agreed.getStart());
    act = isUsual ? Timers.ACT : of(agreed.getAct());
    drift = isUsual ? Timers.DRIFT : of(agreed.getDrift());
    connect = isUsual ? Timers.CONNECT : of(agreed.getConnect());
    http = isUsual ? Timers.HTTP : of(agreed.getHttp());
    pollWechat = isUsual ? Timers.POLL_WECHAT : of(agreed.getPollWechat());
    pollAlipay = isUsual ? Timers.POLL_ALIPAY : of(agreed.getPollAlipay());
    reverseMin = isUsual ? Timers.REVERSE_MIN : of(agreed.getReverseMin());
    fence = isUsual ? Timers.FENCE : of(agreed.getFence());
    expiry = isUsual ? Timers.EXPIRY : of(agreed.getExpiry());
    query = isUsual ? Timers.QUERY : of(agreed.getQuery());
    absenceGap = isUsual ? Timers.ABSENCE_GAP : of(agreed.getAbsenceGap());
  }

  private static long of(int milliseconds) {
    return milliseconds & 0xFFFFFFFFL;
  }
}
