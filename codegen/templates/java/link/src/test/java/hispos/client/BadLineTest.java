package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.text;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.AlertCode;
import hispos.client.messages.DeviceEvent;
import hispos.client.messages.HisHello;
import hispos.client.messages.Message;
import hispos.client.messages.Ping;
import hispos.client.messages.Sync;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.Before;
import org.junit.Test;

/**
 * Every truncation and every flipped bit behind a good checksum, at a whole link: the one reaction
 * that the chapters of key exchange and records name, and what is good goes on behind it.
 */
public class BadLineTest {
  private static final long NOW = 1_010_000;
  private static final byte[] BOOK_ID = {1, 2, 3, 4, 5, 6, 7, 8};
  private static final byte[] RUN = {9, 9, 9, 9};
  private static final Message SYNC =
      Message.newBuilder().setCall(1).setSync(Sync.getDefaultInstance()).build();
  private static final Message PAPER =
      Message.newBuilder()
          .setDeviceEvent(DeviceEvent.newBuilder().setCode(1).setText("paper"))
          .build();
  private static final Set<Integer> PLAIN_CODES = Set.of(40, 47, 50, 70, 71, 72, 91, 92, 93);

  private TestSite site;

  @Before
  public void makeSite() throws Exception {
    site = new TestSite();
  }

  /** A link, what it drops, and what it says in frames. */
  private static final class Line {
    final Link link;
    final Supplier<Map<String, Integer>> drops;
    final Frames decoder;
    Map<String, Integer> before = new TreeMap<>();

    Line(Link link, Side peer, Supplier<Map<String, Integer>> drops) {
      this.link = link;
      this.drops = drops;
      this.decoder = new Frames(peer);
    }

    /** What comes out, as type and body. */
    List<Frame> out() {
      List<Frame> found = new ArrayList<>();
      for (byte[] data = link.pollTransmit(); data != null; data = link.pollTransmit()) {
        found.addAll(decoder.feed(data));
      }
      return found;
    }

    List<Frame> take(int kind, byte[] body) {
      link.feed(Frames.encode(kind, body), NOW);
      return out();
    }

    /** The names of what was dropped since the last time. */
    List<String> dropped() {
      List<String> found = new ArrayList<>();
      Map<String, Integer> now = drops.get();
      now.forEach(
          (name, count) -> {
            for (int one = before.getOrDefault(name, 0); one < count; one++) {
              found.add(name);
            }
          });
      before = now;
      return found;
    }

    /** It drops this in silence, under a name. */
    void drops(String name, int kind, byte[] body) {
      assertEquals(List.of(), shown(take(kind, body)));
      assertEquals(List.of(name), dropped());
    }

    /** A fresh stream. */
    void reopen() {
      link.closed(NOW);
      link.opened(NOW);
      out();
      before = new TreeMap<>();
    }

    int events(Class<?> kind) {
      int count = 0;
      for (LinkEvent event = link.pollEvent(); event != null; event = link.pollEvent()) {
        count += kind.isInstance(event) ? 1 : 0;
      }
      return count;
    }
  }

  private static List<String> shown(List<Frame> frames) {
    List<String> found = new ArrayList<>();
    frames.forEach(frame -> found.add(frame.kind + " " + Bytes.hex(frame.body)));
    return found;
  }

  private static String alert(int code, int kind, byte[] body) {
    byte[] ref = Frame.of(kind, body).checksum();
    return Frame.PLAIN_ALERT + " " + Bytes.hex(Bytes.concat(new byte[] {(byte) code}, ref));
  }

  /** What a record's body is dropped as, by the order of its checks (REC-11 to REC-16). */
  private static String nameOfRecord(byte[] body, Live receiver) {
    if (body.length < 22 || body.length > 1045) {
      return "size";
    }
    if ((body[0] & 0xFF) != receiver.keys.tag) {
      return "stale";
    }
    return Bytes.number(body, 1, 4) <= receiver.opener.last ? "replayed" : "forged";
  }

  private static Map<String, Message> bodies(String receiver) throws Exception {
    Map<String, Message> found = new TreeMap<>();
    for (JsonObject one : objects(Vectors.load("messages.json"), "cases")) {
      boolean isGood = text(one, "receiver").equals(receiver) && one.has("decoded");
      if (isGood && hexes(one, "plaintext").length < 90) {
        Message message = Parsed.of(hexes(one, "plaintext")).message;
        found.putIfAbsent(message.getBodyCase().name(), message);
      }
    }
    return found;
  }

  // only: pos
  private static final Set<Ask.Request> MOVES_NOTHING =
      Set.of(Ask.Request.VERIFY, Ask.Request.QUERY, Ask.Request.QUERY_REFUND);

  private Line pos() throws Exception {
    Journal journal = new Journal(site.book(), BOOK_ID);
    PosLink link = site.pos(journal, RUN, NOW);
    return new Line(link, Side.HIS, link::drops);
  }

  private Initiator initiator() throws Exception {
    return new Initiator(site.terminal(), site.deviceId, site.terms.hash, OtherEnd.draw(1));
  }

  /** What a POS answers an M1 by plain alert, in the order of its checks; 0: an M2. */
  private static int codeOfM1(byte[] good, byte[] damaged) throws Exception {
    boolean hasMagic = damaged.length >= 4 && damaged[0] == 'h' && damaged[1] == 's';
    hasMagic = hasMagic && damaged[2] == 'p' && damaged[3] == '1';
    byte[] rest = Bytes.part(damaged, Math.min(4, damaged.length), damaged.length);
    if (!hasMagic || Canonical.failingStep("HisHello", rest) != 0) {
      return 50;
    }
    HisHello was = HisHello.parseFrom(Bytes.part(good, 4, good.length));
    HisHello said = HisHello.parseFrom(rest);
    if (!said.getAgreement().equals(was.getAgreement())) {
      return 72;
    }
    if (!said.getVersionsList().equals(was.getVersionsList())) {
      return 70;
    }
    if (!said.getSuitesList().equals(was.getSuitesList())) {
      return 71;
    }
    boolean isUsable = said.getShares(0).getGroup() == 1 && said.getShares(0).getKey().size() == 32;
    return isUsable ? 0 : 47;
  }

  @Test
  public void aPosAnswersADamagedM1AsItsCheckSaysAndNoSessionComesOfIt() throws Exception {
    Line line = pos();
    Initiator initiator = initiator();
    Map<Integer, Integer> codes = new TreeMap<>();
    Damage.of(
        initiator.m1(),
        damaged -> {
          line.reopen();
          List<Frame> out = line.take(Frame.M1, damaged);
          int code = codeOfM1(initiator.m1(), damaged);
          codes.merge(code, 1, Integer::sum);
          assertEquals(1, out.size());
          if (code != 0) {
            assertEquals(List.of(alert(code, Frame.M1, damaged)), shown(out));
            return;
          }
          assertEquals(Frame.M2, out.get(0).kind);
          try {
            initiator.takeM2(out.get(0).body);
            throw new AssertionError("an M2 for another M1 is taken");
          } catch (Dropped drop) {
            assertEquals("handshake", drop.name);
          }
        });
    assertEquals(Set.of(0, 47, 50, 70, 71, 72), codes.keySet());
    assertEquals(0, line.events(LinkEvent.Up.class));
  }

  @Test
  public void aPosDropsADamagedM3AndTakesTheGoodOneBehindIt() throws Exception {
    Line line = pos();
    line.reopen();
    Initiator initiator = initiator();
    byte[] m2 = line.take(Frame.M1, initiator.m1()).get(0).body;
    byte[] m3 = initiator.takeM2(m2).m3;
    Damage.of(m3, damaged -> line.drops("handshake", Frame.M3, damaged));
    line.drops("handshake", Frame.M3, new byte[513]);
    assertEquals(0, line.events(LinkEvent.Up.class));
    List<Frame> out = line.take(Frame.M3, m3);
    assertEquals(1, out.size());
    assertEquals("SessionReady", Frame.RECORD_POS, out.get(0).kind);
    assertEquals(1, line.events(LinkEvent.Up.class));
  }

  @Test
  public void aPosDropsWhatOnlyAPosSendsAsItsEcho() throws Exception {
    Line line = pos();
    line.reopen();
    Initiator initiator = initiator();
    byte[] m2 = line.take(Frame.M1, initiator.m1()).get(0).body;
    line.drops("echo", Frame.M2, m2);
    line.drops("echo", Frame.RECORD_POS, new byte[40]);
  }

  @Test
  public void aPosDropsADamagedPlainAlertOrLogsIt() throws Exception {
    Line line = pos();
    line.reopen();
    Damage.of(
        new byte[] {91, 1, 2, 3, 4},
        damaged -> {
          assertEquals(List.of(), line.take(Frame.PLAIN_ALERT, damaged));
          boolean isAlert = damaged.length == 5 && PLAIN_CODES.contains((int) damaged[0]);
          assertEquals(isAlert ? List.of() : List.of("alert"), line.dropped());
          assertEquals(isAlert ? 1 : 0, line.events(LinkEvent.Notice.class));
        });
  }

  @Test
  public void aPosDropsADamagedRecordByItsNameAndOpensTheGoodOneBehindIt() throws Exception {
    Line line = pos();
    OtherEnd his = OtherEnd.his(line.link, site, NOW);
    his.say(SYNC, NOW);
    his.hear(NOW);
    Live receiver = new Live(TestSite.CRYPTO, his.live.keys, Side.POS);
    receiver.opener.last = 0;
    for (long counter : new long[] {1, 2, 3, 65_535, 65_536, 65_537}) {
      his.live.sealer.counter = counter;
      Message.Builder ping = Message.newBuilder().setPing(Ping.getDefaultInstance());
      byte[] good = his.live.sealer.seal(ping.setCall((int) counter).build().toByteArray());
      int[] alerts = new int[1];
      Damage.of(
          good,
          damaged -> {
            String name = nameOfRecord(damaged, receiver);
            List<String> out = shown(line.take(Frame.RECORD_HIS, damaged));
            if (name.equals("stale") && out.size() == 1) {
              // One in a second (REC-28).
              assertEquals(alert(92, Frame.RECORD_HIS, damaged), out.remove(0));
              alerts[0]++;
            }
            assertEquals(List.of(), out);
            assertEquals(List.of(name), line.dropped());
          });
      assertEquals(counter == 1 ? 1 : 0, alerts[0]);
      his.record(good, NOW);
      List<Message> heard = his.hear(NOW);
      assertEquals("" + counter, 1, heard.size());
      assertEquals(counter, heard.get(0).getReplyTo());
      receiver.opener.last = counter;
      line.drops("replayed", Frame.RECORD_HIS, good);
    }
    assertTrue(his.stands());
  }

  @Test
  public void aPosEndsItsSessionAtTheEighthForgedRecordInARow() throws Exception {
    Line line = pos();
    OtherEnd his = OtherEnd.his(line.link, site, NOW);
    endsAtTheEighth(line, his, SYNC);
  }

  @Test
  public void aPosTakesOrRefusesEveryDamageOfAPlaintextAndMovesNoMoney() throws Exception {
    for (Message good : bodies("pos").values()) {
      PosLink link = site.pos(new Journal(site.book(), BOOK_ID), RUN, NOW);
      OtherEnd[] his = new OtherEnd[1];
      Damage.of(
          good.toByteArray(),
          damaged -> {
            if (damaged.length == 0) {
              return;
            }
            if (his[0] == null) {
              his[0] = OtherEnd.his(link, site, NOW);
              his[0].say(SYNC, NOW);
              his[0].hear(NOW);
            }
            his[0] = takesOrRefuses(his[0], damaged) ? his[0] : null;
            for (Ask ask = link.pollAsk(); ask != null; ask = link.pollAsk()) {
              assertTrue("" + ask.request, MOVES_NOTHING.contains(ask.request));
            }
          });
    }
  }

  // only: end
  // only: his
  private Line his() throws Exception {
    HisLink link = site.his(site.book(), BOOK_ID, NOW);
    return new Line(link, Side.POS, link::drops);
  }

  private Responder responder() throws Exception {
    return new Responder(site.device(), List.of(site.terms), OtherEnd.draw(2));
  }

  private static byte[] m1(Line line) {
    line.link.opened(NOW);
    line.link.onTimer(NOW);
    List<Frame> out = line.out();
    assertEquals(1, out.size());
    return out.get(0).body;
  }

  @Test
  public void aHisDropsADamagedM2AndAnswersTheGoodOneBehindIt() throws Exception {
    Line line = his();
    Responder responder = responder();
    byte[] m2 = responder.takeM1(m1(line), true);
    Damage.of(m2, damaged -> line.drops("handshake", Frame.M2, damaged));
    line.drops("handshake", Frame.M2, new byte[1537]);
    assertEquals("the operator is told once", 1, line.events(LinkEvent.Notice.class));
    List<Frame> out = line.take(Frame.M2, m2);
    assertEquals(1, out.size());
    assertNotNull(responder.takeM3(out.get(0).body));
  }

  @Test
  public void aHisDropsWhatOnlyAHisSendsAsItsEcho() throws Exception {
    Line line = his();
    line.drops("echo", Frame.M1, m1(line));
    line.drops("echo", Frame.M3, new byte[100]);
    line.drops("echo", Frame.RECORD_HIS, new byte[40]);
  }

  @Test
  public void aHisDropsAPlainAlertThatIsDamagedOrNamesAnotherMessage() throws Exception {
    for (int code : PLAIN_CODES) {
      byte[] ref = Frame.of(Frame.M1, m1(his())).checksum();
      Damage.of(
          Bytes.concat(new byte[] {(byte) code}, ref),
          damaged -> {
            Line line = his();
            m1(line);
            assertEquals(List.of(), line.take(Frame.PLAIN_ALERT, damaged));
            boolean isAlert = damaged.length == 5 && PLAIN_CODES.contains((int) damaged[0]);
            boolean isNamed = isAlert && Bytes.compare(Bytes.part(damaged, 1, 5), ref) == 0;
            boolean isTaken = isAlert && (isNamed || damaged[0] == 92);
            assertEquals(isTaken ? List.of() : List.of("alert"), line.dropped());
          });
    }
  }

  @Test
  public void aHisDropsADamagedRecordByItsNameAndOpensTheGoodOneBehindIt() throws Exception {
    Line line = his();
    OtherEnd pos = OtherEnd.pos(line.link, site, NOW);
    pos.greet(RUN, new byte[24], NOW, NOW);
    pos.hear(NOW);
    line.dropped();
    line.events(LinkEvent.class);
    Live receiver = new Live(TestSite.CRYPTO, pos.live.keys, Side.HIS);
    receiver.opener.last = 1;
    for (long counter : new long[] {2, 3, 4, 65_535, 65_536, 65_537}) {
      pos.live.sealer.counter = counter;
      byte[] good = pos.live.sealer.seal(PAPER.toByteArray());
      Damage.of(
          good, damaged -> line.drops(nameOfRecord(damaged, receiver), Frame.RECORD_POS, damaged));
      assertEquals(0, line.events(LinkEvent.class));
      pos.record(good, NOW);
      assertEquals("" + counter, 1, line.events(LinkEvent.Notice.class));
      receiver.opener.last = counter;
      line.drops("replayed", Frame.RECORD_POS, good);
    }
  }

  @Test
  public void aHisWithoutASessionDropsARecordAsSizeOrStale() throws Exception {
    Line line = his();
    line.link.opened(NOW);
    line.out();
    for (int length : new int[] {0, 21, 22, 1045, 1046}) {
      boolean isSize = length < 22 || length > 1045;
      line.link.feed(Frames.encode(Frame.RECORD_POS, new byte[length]), NOW);
      assertEquals(List.of(isSize ? "size" : "stale"), line.dropped());
    }
  }

  @Test
  public void aHisEndsItsSessionAtTheEighthForgedRecordInARow() throws Exception {
    Line line = his();
    OtherEnd pos = OtherEnd.pos(line.link, site, NOW);
    pos.greet(RUN, new byte[24], NOW, NOW);
    endsAtTheEighth(line, pos, PAPER);
  }

  @Test
  public void aHisTakesOrRefusesEveryDamageOfAPlaintext() throws Exception {
    for (Message good : bodies("his").values()) {
      Link link = his().link;
      OtherEnd[] pos = new OtherEnd[1];
      Damage.of(
          good.toByteArray(),
          damaged -> {
            if (damaged.length == 0) {
              return;
            }
            if (pos[0] == null) {
              link.closed(NOW);
              pos[0] = OtherEnd.pos(link, site, NOW);
              pos[0].greet(RUN, new byte[24], NOW, NOW);
              pos[0].hear(NOW);
            }
            pos[0] = takesOrRefuses(pos[0], damaged) ? pos[0] : null;
          });
    }
  }

  // only: end

  /** Whether the session stands; it ends without an answer, or by the alert for what is no message. */
  private static boolean takesOrRefuses(OtherEnd sender, byte[] plaintext) throws Exception {
    Set<Integer> codes = new HashSet<>();
    sender.stands();
    sender.say(plaintext, NOW);
    for (Message message : sender.hear(NOW)) {
      if (message.hasAlert()) {
        codes.add(message.getAlert().getCodeValue());
      }
    }
    boolean stands = sender.stands();
    boolean isMessage = true;
    int alert = -1;
    try {
      alert = Parsed.of(plaintext).alert;
    } catch (InvalidProtocolBufferException error) {
      isMessage = false;
    }
    if (!isMessage) {
      assertEquals(Set.of(AlertCode.ALERT_CODE_DECODE_ERROR.getNumber()), codes);
    } else if (alert >= 0) {
      assertEquals(Set.of(), codes);
    }
    assertEquals(isMessage && alert < 0 && codes.isEmpty(), stands);
    return stands;
  }

  /** Forged records count behind the first 30 s, and one that opens begins the row anew (REC-19). */
  private static void endsAtTheEighth(Line line, OtherEnd peer, Message good) throws Exception {
    long late = NOW + Timers.FORGED_GRACE;
    peer.say(good, NOW);
    forge(peer, good, 20, late - 1);
    peer.say(good, late - 1);
    forge(peer, good, 7, late);
    peer.record(new byte[3], late);
    peer.say(good, late);
    forge(peer, good, 7, late);
    for (Message message : peer.hear(late)) {
      assertFalse("an alert too early", message.hasAlert());
    }
    assertTrue(peer.stands());
    line.dropped();
    forge(peer, good, 1, late);
    assertEquals(List.of("forged"), line.dropped());
    List<Message> heard = peer.hear(late);
    assertEquals(1, heard.size());
    assertEquals(AlertCode.ALERT_CODE_BAD_RECORD, heard.get(0).getAlert().getCode());
    assertFalse(peer.stands());
  }

  private static void forge(OtherEnd peer, Message good, int times, long now) {
    for (int one = 0; one < times; one++) {
      byte[] record = peer.live.sealer.seal(good.toByteArray());
      peer.record(Damage.flipped(record, 8 * record.length - 1), now);
    }
  }
}
