package hispos.client;

import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.Alert;
import hispos.client.messages.Message;
import java.io.ByteArrayOutputStream;

/** A plaintext, and the code of the alert in it if there is one (REC-20, REC-21). */
final class Parsed {
  private static final int ALERT_FIELD = 3;
  private static final int NUMBER_BYTES_MAX = 10;

  final Message message;

  /** The alert's code, or -1. */
  final int alert;

  private Parsed(Message message, int alert) {
    this.message = message;
    this.alert = alert;
  }

  static Parsed of(byte[] plaintext) throws InvalidProtocolBufferException {
    Message message = Message.parseFrom(plaintext);
    // The parser takes numbers of more than ten bytes, which no other one does: they are found here.
    Walk walk = new Walk(plaintext);
    ByteArrayOutputStream alert = walk.message(Walk.TOP, plaintext.length);
    if (alert == null && walk.bodies > 1) {
      throw new InvalidProtocolBufferException("more than one body");
    }
    return new Parsed(
        message, alert == null ? -1 : Alert.parseFrom(alert.toByteArray()).getCodeValue());
  }

  /** One walk over bytes that the parser has taken. */
  private static final class Walk {
    static final String TOP = "Message";

    private final byte[] data;
    private int at;

    /** How often a body stands at the top level. */
    private int bodies;

    Walk(byte[] data) {
      this.data = data;
    }

    /** The contents of the field of alerts, or null without one. */
    ByteArrayOutputStream message(String name, int end) throws InvalidProtocolBufferException {
      ByteArrayOutputStream found = null;
      int depth = 0;
      while (at < end) {
        long key = number();
        boolean isBody = Message.BodyCase.forNumber((int) (key >>> 3)) != null;
        bodies += isBody && depth == 0 && TOP.equals(name) ? 1 : 0;
        switch ((int) (key & 7)) {
          case 0:
            number();
            break;
          case 1:
            at += 8;
            break;
          case 2:
            int stop = (int) number();
            stop += at;
            if (key >>> 3 == ALERT_FIELD && depth == 0) {
              found = found == null ? new ByteArrayOutputStream() : found;
              found.write(data, at, stop - at);
            }
            String part = depth == 0 ? Rules.part(name, key >>> 3) : null;
            if (part != null) {
              message(part, stop);
            }
            at = stop;
            break;
          case 3:
            depth++;
            break;
          case 4:
            depth--;
            break;
          default:
            at += 4;
            break;
        }
      }
      return found;
    }

    private long number() throws InvalidProtocolBufferException {
      long value = 0;
      for (int place = 0; place < NUMBER_BYTES_MAX; place++) {
        byte octet = data[at++];
        value |= (long) (octet & 0x7F) << 7 * place;
        if (octet >= 0) {
          return value;
        }
      }
      throw new InvalidProtocolBufferException("a number of more than ten bytes");
    }
  }
}
