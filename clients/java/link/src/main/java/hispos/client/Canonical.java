package hispos.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import hispos.client.Rules.Kind;
import hispos.client.Rules.Rule;
import hispos.client.Rules.TextClass;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.BitSet;
import java.util.Map;

/**
 * The canonical validator: one walk over the bytes of a strict message (encoding, section "Steps of
 * the validator").
 */
public final class Canonical {
  private static final int MAX_DEPTH = 3;

  private final byte[] data;
  private int at;

  private Canonical(byte[] data) {
    this.data = data;
  }

  /**
   * Refuses everything but the one encoding of a message (ENC-1, ENC-6 to ENC-15).
   *
   * @param message the name of a strict message, as the schemas write it
   * @throws NotCanonical with the first step that fails at the first field that fails
   */
  public static void validate(String message, byte[] data) throws NotCanonical {
    new Canonical(data).message(Rules.of(message), data.length, 1);
  }

  /** The step that fails, or 0 if the bytes are canonical. */
  public static int failingStep(String message, byte[] data) {
    try {
      validate(message, data);
      return 0;
    } catch (NotCanonical error) {
      return error.step;
    }
  }

  private void message(Map<Integer, Rule> fields, int end, int depth) throws NotCanonical {
    int last = 0;
    int before = 0;
    BitSet seen = new BitSet();
    while (at < end) {
      long key = varint(end, 5, 1);
      long number = key >>> 3;
      int wireType = (int) (key & 7);
      if (wireType != 0 && wireType != 2) {
        throw new NotCanonical(1);
      }
      Rule rule = number > 0x1FFFFFFF ? null : fields.get((int) number);
      if (rule == null) {
        throw new NotCanonical(2);
      }
      if (number == last && rule.repeated && !rule.kind.isNumber()) {
        before++;
      } else if (number > last) {
        before = 0;
      } else {
        throw new NotCanonical(2);
      }
      field(rule, wireType, before, end, depth);
      last = (int) number;
      seen.set(last);
    }
    for (Map.Entry<Integer, Rule> field : fields.entrySet()) {
      if (field.getValue().required && !seen.get(field.getKey())) {
        throw new NotCanonical(9);
      }
    }
  }

  private void field(Rule rule, int wireType, int before, int end, int depth) throws NotCanonical {
    boolean isPacked = rule.kind.isNumber() && rule.repeated;
    boolean isVarint = rule.kind.isNumber() && !isPacked;
    if (wireType != (isVarint ? 0 : 2)) {
      throw new NotCanonical(3);
    }
    if (isVarint) {
      if (number(rule.kind, end) == 0) {
        throw new NotCanonical(5);
      }
      return;
    }
    long length = number(Kind.UINT32, end);
    if (length == 0) {
      throw new NotCanonical(isPacked ? 3 : 5);
    }
    if (length > end - at) {
      throw new NotCanonical(6);
    }
    int stop = at + (int) length;
    if (isPacked) {
      packed(rule, stop);
      return;
    }
    if (length < rule.min || (rule.max > 0 && length > rule.max)) {
      throw new NotCanonical(6);
    }
    if (rule.repeated && before >= rule.count) {
      throw new NotCanonical(6);
    }
    if (rule.kind == Kind.MESSAGE) {
      if (depth == MAX_DEPTH) {
        throw new NotCanonical(8);
      }
      message(Rules.of(rule.of), stop, depth + 1);
      return;
    }
    if (!hasClass(rule, stop)) {
      throw new NotCanonical(7);
    }
    at = stop;
  }

  private void packed(Rule rule, int stop) throws NotCanonical {
    int elements = 0;
    while (at < stop) {
      if (number(rule.kind, stop) == 0) {
        throw new NotCanonical(5);
      }
      elements++;
    }
    if (elements > rule.count) {
      throw new NotCanonical(6);
    }
  }

  private long number(Kind kind, int end) throws NotCanonical {
    long value = varint(end, kind.bytes, 4);
    if (Long.compareUnsigned(value, kind.greatest) > 0) {
      throw new NotCanonical(4);
    }
    return value;
  }

  private long varint(int end, int most, int step) throws NotCanonical {
    long value = 0;
    for (int place = 0; place < most; place++) {
      if (at >= end) {
        throw new NotCanonical(10);
      }
      int octet = data[at++] & 0xFF;
      if (place == 9 && octet > 1) {
        throw new NotCanonical(step);
      }
      value |= (long) (octet & 0x7F) << 7 * place;
      if (octet < 0x80) {
        if (octet == 0 && place > 0) {
          throw new NotCanonical(step);
        }
        return value;
      }
    }
    throw new NotCanonical(step);
  }

  private boolean hasClass(Rule rule, int stop) {
    if (rule.kind == Kind.STRING || rule.textClass == TextClass.TEXT) {
      CharBuffer text;
      try {
        text = UTF_8.newDecoder().decode(ByteBuffer.wrap(data, at, stop - at));
      } catch (CharacterCodingException error) {
        return false;
      }
      if (rule.textClass == TextClass.TEXT) {
        return hasNoControl(text);
      }
    }
    for (int place = at; place < stop; place++) {
      if (!isOf(rule.textClass, data[place])) {
        return false;
      }
    }
    return true;
  }

  private static boolean hasNoControl(CharSequence text) {
    for (int place = 0; place < text.length(); place++) {
      char letter = text.charAt(place);
      if (letter < 0x20 || (letter >= 0x7F && letter <= 0x9F)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isOf(TextClass textClass, byte letter) {
    boolean isUpperOrDigit = (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z');
    switch (textClass) {
      case ORDER_NO:
        return isUpperOrDigit;
      case IDENTIFIER:
        return isUpperOrDigit
            || (letter >= 'a' && letter <= 'z')
            || letter == '.'
            || letter == '_'
            || letter == '-';
      case VISIBLE:
        return letter >= '!' && letter <= '~';
      default:
        return true;
    }
  }
}
