package hispos.client;

import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.Message;
import hispos.client.messages.SessionReady;
import hispos.client.messages.SyncReply;
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

  // only: his
  /** A POS, once a HIS has exchanged keys with it. */
  static OtherEnd pos(Link his, TestSite site, long now) throws Exception {
    Frames decoder = new Frames(Side.POS);
    his.opened(now);
    his.onTimer(now);
    End own = site.device();
    Responder responder = new Responder(own, List.of(site.terms), draw(2));
    byte[] m2 = responder.takeM1(next(his, decoder), true);
    his.feed(Frames.encode(Frame.M2, m2), now);
    Keys keys = responder.takeM3(next(his, decoder));
    return new OtherEnd(his, decoder, new Live(own.crypto, keys, Side.POS));
  }

  /** Says what a POS says first: it is there, and, when HIS has asked, what its journal is. */
  void greet(byte[] run, byte[] journal, long now, long later) throws Exception {
    SessionReady ready =
        SessionReady.newBuilder().setRun(Bytes.field(run)).setSimulated(true).build();
    say(Message.newBuilder().setReady(ready).build(), now);
    int call = hear(now).get(0).getCall();
    SyncReply reply = SyncReply.newBuilder().setJournal(Bytes.field(journal)).build();
    say(Message.newBuilder().setReplyTo(call).setSyncReply(reply).build(), later);
  }

  // only: end
  // only: pos
  /** A HIS, once it has exchanged keys with a POS. */
  static OtherEnd his(Link pos, TestSite site, long now) throws Exception {
    Frames decoder = new Frames(Side.HIS);
    pos.opened(now);
    End own = site.terminal();
    Initiator initiator = new Initiator(own, site.deviceId, site.terms.hash, draw(1));
    pos.feed(Frames.encode(Frame.M1, initiator.m1()), now);
    Initiator.Taken taken = initiator.takeM2(next(pos, decoder));
    pos.feed(Frames.encode(Frame.M3, taken.m3), now);
    return new OtherEnd(pos, decoder, new Live(own.crypto, taken.keys, Side.HIS));
  }

  // only: end
  /** Bytes that are all the same, as if they were random. */
  static Draw draw(int octet) {
    return length -> {
      byte[] drawn = new byte[length];
      Arrays.fill(drawn, (byte) octet);
      return drawn;
    };
  }

  static byte[] next(Link link, Frames decoder) {
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
    record(live.sealer.seal(plaintext), now);
  }

  /** Sends a record's body, whatever it is. */
  void record(byte[] body, long now) {
    link.feed(Frames.encode(live.kind, body), now);
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
