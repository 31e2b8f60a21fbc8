package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import hispos.client.messages.Channel;
import hispos.client.messages.Kind;
import java.math.BigInteger;

/** Order numbers, and the numbers at the platforms. */
public final class Numbers {
  private static final String DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  private static final int BITS = 95;

  private Numbers() {}

  /** A derived order number (ORD-22). */
  public static String order(byte[] siteSecret, Kind kind, byte[] key, long generation) {
    byte[] mac =
        Hashes.hmac(
            siteSecret,
            Bytes.concat(
                Labels.ORDER_NUMBER.bytes(),
                new byte[1],
                Bytes.number(kind.getNumber(), 1),
                Bytes.number(key.length, 2),
                key,
                Bytes.number(generation, 4)));
    BigInteger bits = new BigInteger(1, mac).shiftRight(256 - BITS);
    StringBuilder number = new StringBuilder("B");
    for (int shift = BITS - 5; shift >= 0; shift -= 5) {
      number.append(DIGITS.charAt(bits.shiftRight(shift).intValue() & 31));
    }
    return number.toString();
  }

  /** The key of a bill's derived numbers. */
  public static byte[] collectKey(String bill) {
    return bill.getBytes(UTF_8);
  }

  /** The key of a refund's derived number (ORD-22). */
  public static byte[] refundKey(String original, Channel channel, String item) {
    byte[] number = original.getBytes(US_ASCII);
    return Bytes.concat(
        Bytes.number(number.length, 1),
        number,
        Bytes.number(channel.getNumber(), 1),
        item.getBytes(UTF_8));
  }

  /** The letter of a channel's numbers: W or A. */
  public static char letter(Channel channel) {
    return channel == Channel.CHANNEL_WECHAT ? 'W' : 'A';
  }

  /** The number at a platform: letter W, A or R (ORD-25). */
  public static String platform(String siteCode, String orderNo, char letter) {
    return siteCode + orderNo + letter;
  }

  /**
   * Site code, order number and letter of a number at a platform.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static String[] splitPlatform(String number) {
    if (!number.matches("[0-9A-Z]{4}[0-9A-Z]{1,24}[WAR]")) {
      throw new IllegalArgumentException("no platform number");
    }
    int end = number.length() - 1;
    return new String[] {
      number.substring(0, 4), number.substring(4, end), number.substring(end)
    };
  }
}
