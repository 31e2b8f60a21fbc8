package hispos.client;

/** Amounts as people type and read them. */
public final class Amounts {
  private Amounts() {}

  /**
   * Fen of what a person types, sign included (ORD-15).
   *
   * @throws IllegalArgumentException for what is no amount
   */
  public static long parse(String text) {
    if (!text.matches("[+-][0-9]+(\\.[0-9]{1,2})?")) {
      throw new IllegalArgumentException(
          "an amount is a sign, digits, and at most two decimals behind a point");
    }
    int point = text.indexOf('.');
    String whole = point < 0 ? text.substring(1) : text.substring(1, point);
    String parts = point < 0 ? "00" : (text.substring(point + 1) + "0").substring(0, 2);
    String digits = (whole + parts).replaceFirst("^0+(?=.)", "");
    long fen = digits.length() > 18 ? Long.MAX_VALUE : Long.parseLong(digits);
    if (fen < 1 || fen > Limits.AMOUNT_FEN_MAX) {
      throw new IllegalArgumentException("an amount out of range");
    }
    return text.charAt(0) == '-' ? -fen : fen;
  }

  /** An amount as a person types it. */
  public static String show(long fen) {
    long size = Math.abs(fen);
    String parts = size % 100 < 10 ? "0" + size % 100 : "" + size % 100;
    return (fen < 0 ? "-" : "+") + size / 100 + "." + parts;
  }
}
