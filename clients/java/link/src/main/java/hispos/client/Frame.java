package hispos.client;

import java.util.Arrays;

/** What the bytes of a stream give: a frame that passed every check of its layer, or a drop. */
public final class Frame {
  /** The key exchange's first message. */
  public static final int M1 = 0x01;

  /** The second. */
  public static final int M2 = 0x02;

  /** The third. */
  public static final int M3 = 0x03;

  /** An alert without a session. */
  public static final int PLAIN_ALERT = 0x0F;

  /** A record of the HIS. */
  public static final int RECORD_HIS = 0x10;

  /** A record of the POS. */
  public static final int RECORD_POS = 0x11;

  /** The name of the drop (framing, section "Drops"), or null for a frame. */
  public final String drop;

  /** The frame's type; 0 for a drop. */
  public final int kind;

  /** The frame's body; empty for a drop. */
  public final byte[] body;

  private Frame(String drop, int kind, byte[] body) {
    this.drop = drop;
    this.kind = kind;
    this.body = body;
  }

  static Frame of(int kind, byte[] body) {
    return new Frame(null, kind, body);
  }

  static Frame dropped(String name) {
    return new Frame(name, 0, Bytes.NONE);
  }

  /** The frame's name in plain alerts. */
  public byte[] checksum() {
    return Frames.checksum(Bytes.concat(new byte[] {(byte) kind}, body));
  }

  /** Whether it is a frame of such a body. */
  public boolean is(int otherKind, byte[] otherBody) {
    return drop == null && kind == otherKind && Arrays.equals(body, otherBody);
  }
}
