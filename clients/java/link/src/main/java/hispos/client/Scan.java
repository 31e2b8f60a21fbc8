package hispos.client;

import hispos.client.messages.Channel;
import java.util.Locale;

/** A scanned text: a payment code of a channel, or why it is none (payment, "Payment codes"). */
public final class Scan {
  private static final int INSURANCE_CHARACTERS = 28;
  private static final int BYTES_MAX = 512;

  /** What the patient is told apart (PAY-94). */
  public enum Refused {
    /** Nothing was read. */
    EMPTY,
    /** A health insurance code. */
    INSURANCE,
    /** A UnionPay code. */
    UNIONPAY,
    /** A link, or a code for receiving money. */
    LINK,
    /** The scanner sends full-width digits. */
    FULL_WIDTH,
    /** Other characters. */
    NOT_DIGITS,
    /** A wrong length for its channel. */
    LENGTH,
    /** An unknown code. */
    UNKNOWN
  }

  /** Why it is none, or null. */
  public final Refused refused;

  /** The channel, or null. */
  public final Channel channel;

  /** The code, or null. */
  public final PaymentCode code;

  private Scan(Refused refused, Channel channel, PaymentCode code) {
    this.refused = refused;
    this.channel = channel;
    this.code = code;
  }

  private static Scan none(Refused refused) {
    return new Scan(refused, null, null);
  }

  /** Recognises a text (PAY-89 to PAY-95). Nothing of a refused one is kept. */
  public static Scan of(String scanned) {
    int begin = 0;
    int end = scanned.length();
    while (begin < end && isDropped(scanned.charAt(begin))) {
      begin++;
    }
    while (end > begin && isDropped(scanned.charAt(end - 1))) {
      end--;
    }
    String text = scanned.substring(begin, end);
    if (text.isEmpty()) {
      return none(Refused.EMPTY);
    }
    if (!text.matches("[0-9]+")) {
      return none(notDigits(text));
    }
    if (text.length() == INSURANCE_CHARACTERS) {
      return none(Refused.INSURANCE);
    }
    return digits(text);
  }

  private static boolean isDropped(char letter) {
    return letter <= ' ' || letter == 0x7F;
  }

  private static Refused notDigits(String text) {
    String lead = text.substring(0, Math.min(4, text.length())).toLowerCase(Locale.ROOT);
    if (lead.startsWith("opc")
        && text.codePointCount(0, text.length()) == INSURANCE_CHARACTERS) {
      return Refused.INSURANCE;
    }
    if (text.matches("[0-9\uff10-\uff19]+")) {
      return Refused.FULL_WIDTH;
    }
    boolean isLink = text.contains("://") || lead.equals("wxp:") || lead.equals("www.");
    return isLink ? Refused.LINK : Refused.NOT_DIGITS;
  }

  private static Scan digits(String text) {
    for (PaymentCodes.Range range : PaymentCodes.RANGES) {
      int length = range.first.length();
      if (text.length() < length || text.length() > BYTES_MAX) {
        continue;
      }
      String lead = text.substring(0, length);
      if (lead.compareTo(range.first) < 0 || lead.compareTo(range.last) > 0) {
        continue;
      }
      boolean fits = text.length() >= range.lengthMin && text.length() <= range.lengthMax;
      switch (range.kind) {
        case WECHAT:
          return fits ? good(Channel.CHANNEL_WECHAT, text) : none(Refused.LENGTH);
        case ALIPAY:
          return fits ? good(Channel.CHANNEL_ALIPAY, text) : none(Refused.LENGTH);
        case UNIONPAY:
          return none(fits ? Refused.UNIONPAY : Refused.UNKNOWN);
        default:
          return none(Refused.UNKNOWN);
      }
    }
    return none(Refused.UNKNOWN);
  }

  private static Scan good(Channel channel, String text) {
    return new Scan(null, channel, new PaymentCode(text.toCharArray()));
  }
}
