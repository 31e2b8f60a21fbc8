package hispos.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import java.util.Arrays;

/** Small work on byte strings. */
public final class Bytes {
  /** No bytes. */
  public static final byte[] NONE = {};

  private static final String DIGITS = "0123456789abcdef";

  private Bytes() {}

  /** All of them, one behind the other. */
  public static byte[] concat(byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    byte[] all = new byte[length];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  /** A number in `length` bytes, the most significant one first. */
  public static byte[] number(long value, int length) {
    byte[] bytes = new byte[length];
    for (int place = 0; place < length; place++) {
      int shift = 8 * (length - 1 - place);
      bytes[place] = shift < 64 ? (byte) (value >>> shift) : 0;
    }
    return bytes;
  }

  /** The number in some bytes, the most significant one first. */
  public static long number(byte[] bytes, int from, int length) {
    long value = 0;
    for (int place = from; place < from + length; place++) {
      value = value << 8 | (bytes[place] & 0xFF);
    }
    return value;
  }

  /** The bytes of a range. */
  public static byte[] part(byte[] bytes, int from, int to) {
    return Arrays.copyOfRange(bytes, from, to);
  }

  /** Lower-case hexadecimal. */
  public static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder(2 * bytes.length);
    for (byte octet : bytes) {
      text.append(DIGITS.charAt(octet >> 4 & 15)).append(DIGITS.charAt(octet & 15));
    }
    return text.toString();
  }

  /**
   * The bytes of hexadecimal digits of either case.
   *
   * @throws IllegalArgumentException for anything else
   */
  public static byte[] unhex(String text) {
    if (text.length() % 2 != 0) {
      throw new IllegalArgumentException("half a byte");
    }
    byte[] bytes = new byte[text.length() / 2];
    for (int place = 0; place < text.length(); place++) {
      char letter = text.charAt(place);
      int digit = letter < 128 ? Character.digit(letter, 16) : -1;
      if (digit < 0) {
        throw new IllegalArgumentException("no hexadecimal digit");
      }
      bytes[place / 2] = (byte) (bytes[place / 2] << 4 | digit);
    }
    return bytes;
  }

  /** Compares as unsigned bytes, the shorter one first. */
  public static int compare(byte[] one, byte[] other) {
    for (int place = 0; place < Math.min(one.length, other.length); place++) {
      int difference = (one[place] & 0xFF) - (other[place] & 0xFF);
      if (difference != 0) {
        return difference;
      }
    }
    return one.length - other.length;
  }

  /** The bytes of a field. */
  public static byte[] of(ByteString field) {
    return field.toByteArray();
  }

  /** The value of a field. */
  public static ByteString field(byte[] bytes) {
    return ByteString.copyFrom(bytes);
  }

  /**
   * A message in bytes that were validated or made here.
   *
   * @throws IllegalStateException if they hold none
   */
  static <T> T parsed(Parser<T> parser, byte[] bytes) {
    try {
      return parser.parseFrom(bytes);
    } catch (InvalidProtocolBufferException error) {
      throw new IllegalStateException("bytes that were checked hold no message", error);
    }
  }

  static <T> T parsed(Parser<T> parser, ByteString bytes) {
    return parsed(parser, bytes.toByteArray());
  }
}
