package hispos.client;

import java.util.Arrays;

/** A payment code as it was scanned: overwritten when it is of no more use, never printed. */
public final class PaymentCode {
  private final char[] digits;

  /** Takes a copy of the digits; the caller overwrites its own. */
  public PaymentCode(char[] digits) {
    this.digits = digits.clone();
  }

  /** The digits, for the request to the platform and nothing else, as a copy. */
  public char[] digits() {
    return digits.clone();
  }

  byte[] bytes() {
    byte[] bytes = new byte[digits.length];
    for (int place = 0; place < digits.length; place++) {
      bytes[place] = (byte) digits[place];
    }
    return bytes;
  }

  /** The last four digits, for support. */
  String lastFour() {
    int start = Math.max(0, digits.length - 4);
    return new String(digits, start, digits.length - start);
  }

  /** Overwrites the digits. */
  public void erase() {
    Arrays.fill(digits, '0');
  }

  @Override
  public String toString() {
    return "payment code";
  }
}
