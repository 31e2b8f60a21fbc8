package hispos.client;

import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.Message;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The other end of a line, of key exchange and records alone: it says what it is told to, and hears
 * everything.
 */
final class OtherEnd {
  private final Link link;
  private final Frames decoder;
  final Live live;

  private OtherEnd(Link link, Frames decoder, Live live) {
    this.link = link;
    this.decoder = decoder;
    this.live = live;
  }

  /** A POS, once a HIS has exchanged keys with it. */
  static OtherEnd pos(Link his, End own, List<Terms> terms, long now) throws Dropped, Alerted {
    Frames decoder = new Frames(Side.POS);
    his.opened(now);
    his.onTimer(now);
    Responder responder = new Responder(own, terms, draw(2));
    byte[] m2 = responder.takeM1(next(his, decoder), true);
    his.feed(Frames.encode(Frame.M2, m2), now);
    Keys keys = responder.takeM3(next(his, decoder));
    return new OtherEnd(his, decoder, new Live(own.crypto, keys, Side.POS));
  }

  /** A HIS, once it has exchanged keys with a POS. */
  static OtherEnd his(Link pos, End own, String device, Terms terms, long now)
      throws Dropped, Alerted {
    Frames decoder = new Frames(Side.HIS);
    pos.opened(now);
    Initiator initiator = new Initiator(own, device, terms.hash, draw(1));
    pos.feed(Frames.encode(Frame.M1, initiator.m1()), now);
    Initiator.Taken taken = initiator.takeM2(next(pos, decoder));
    pos.feed(Frames.encode(Frame.M3, taken.m3), now);
    return new OtherEnd(pos, decoder, new Live(own.crypto, taken.keys, Side.HIS));
  }

  /** Bytes that are all the same, as if they were random. */
  static Draw draw(int octet) {
    return length -> {
      byte[] drawn = new byte[length];
      Arrays.fill(drawn, (byte) octet);
      return drawn;
    };
  }

  private static byte[] next(Link link, Frames decoder) {
    byte[] data = link.pollTransmit();
    if (data == null) {
      throw new AssertionError("a message of the key exchange is missing");
    }
    List<Frame> found = decoder.feed(data);
    // A stream begins with a delimiter.
    return found.isEmpty() ? next(link, decoder) : found.get(0).body;
  }

  void say(Message message, long now) {
    say(message.toByteArray(), now);
  }

  void say(byte[] plaintext, long now) {
    link.feed(Frames.encode(live.kind, live.sealer.seal(plaintext)), now);
  }

  /** What has come since. */
  List<Message> hear(long now) throws Dropped, InvalidProtocolBufferException {
    List<Message> heard = new ArrayList<>();
    for (byte[] data = link.pollTransmit(); data != null; data = link.pollTransmit()) {
      for (Frame frame : decoder.feed(data)) {
        heard.add(Message.parseFrom(live.open(frame.body, now)));
      }
    }
    return heard;
  }

  /** Whether the link has a session, as what it has told says. */
  boolean stands() {
    boolean stands = true;
    for (LinkEvent event = link.pollEvent(); event != null; event = link.pollEvent()) {
      stands &= !(event instanceof LinkEvent.Down);
    }
    return stands;
  }
}
