package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.text;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.google.gson.JsonObject;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.Disposition;
import hispos.client.messages.PosState;
import hispos.client.messages.RejectCode;
import hispos.client.messages.Revocation;
import hispos.client.messages.TerminalManifest;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.Before;
import org.junit.Test;

/** A HIS and a POS of this client that share a line without a delay. */
public class PairTest {
  private static final Crypto CRYPTO = new BouncyCrypto();

  private JsonObject site;
  private Agreements.Signed older;
  private DeviceManifest devices;
  private Ledger ledger;
  private Journal journal;
  private HisLink his;
  private PosLink pos;
  private long now = 1_000_000;
  private int drawn;

  @Before
  public void begin() throws Exception {
    site = Vectors.load("conversations.json").getAsJsonObject("site");
    Agreement agreement = Agreement.parseFrom(hexes(site, "agreement"));
    older = new Agreements.Signed(agreement, Hashes.sha256(agreement.toByteArray()));
    devices = DeviceManifest.parseFrom(hexes(site, "device_manifest"));
    Book book = new Book(new BookVectors.Memory(), this::unix);
    ledger = new Ledger(book, site(older), CRYPTO, draw(8));
    ledger.beginRun(now);
    byte[] seed = hexes(site, "terminal_seed");
    End end = new End(CRYPTO, text(site, "terminal_id"), seed, Manifests.registry(devices));
    his = new HisLink(ledger, end, text(site, "device_id"), this::draw);
    journal = new Journal(new Book(new BookVectors.Memory(), this::unix), draw(8));
    startPos(older);
  }

  private Site site(Agreements.Signed... agreements) {
    return new Site(List.of(agreements), devices, hexes(site, "site_secret"));
  }

  private TerminalManifest terminals(Revocation revocation) throws Exception {
    TerminalManifest held = TerminalManifest.parseFrom(hexes(site, "terminal_manifest"));
    TerminalManifest.Builder made = held.toBuilder().setSerial(held.getSerial() + 1);
    for (int place = 0; place < held.getTerminalsCount(); place++) {
      made.setTerminals(place, held.getTerminals(place).toBuilder().setRevocation(revocation));
    }
    return made.build();
  }

  private List<Merchant> merchants() {
    List<Merchant> found = new ArrayList<>();
    for (Channel channel : PosContext.CHANNELS) {
      found.add(PosContext.merchant(older.agreement, channel));
    }
    return found;
  }

  private void startPos(Agreements.Signed... agreements) throws Exception {
    PosLink.Config config =
        new PosLink.Config(
            CRYPTO,
            text(site, "device_id"),
            hexes(site, "device_seed"),
            hexes(site, "boot"),
            "pair",
            List.of(agreements),
            TerminalManifest.parseFrom(hexes(site, "terminal_manifest")),
            merchants());
    pos = new PosLink(config, journal, this::draw, now);
  }

  private long unix() {
    return 1_795_486_400 + now / 1000;
  }

  private byte[] draw(int length) {
    return Bytes.part(Hashes.sha256(Bytes.number(++drawn, 4)), 0, length);
  }

  private Agreements.Signed newer() {
    Agreement.Builder next = older.agreement.toBuilder();
    Agreement made = next.setAgreementNo(next.getAgreementNo() + 1).build();
    return new Agreements.Signed(made, Hashes.sha256(made.toByteArray()));
  }

  private void connect() {
    his.opened(now);
    pos.opened(now);
    run(10_000);
    assertTrue(his.isReady());
  }

  /** Lets both live so many milliseconds; the platform verifies, and knows no number. */
  private void run(long milliseconds) {
    for (long end = now + milliseconds; now < end; now += 50) {
      his.onTimer(now);
      pos.onTimer(now);
      for (byte[] data = drained(his); data.length > 0; data = drained(his)) {
        pos.feed(data, now);
        for (Ask ask = pos.pollAsk(); ask != null; ask = pos.pollAsk()) {
          answer(ask);
        }
        his.feed(drained(pos), now);
      }
      for (Ask ask = pos.pollAsk(); ask != null; ask = pos.pollAsk()) {
        answer(ask);
      }
      his.feed(drained(pos), now);
    }
  }

  private void answer(Ask ask) {
    boolean isVerify = ask.request == Ask.Request.VERIFY;
    Proof proof = Proof.of(isVerify ? Proof.Name.VERIFIED : Proof.Name.ABSENT);
    pos.verdict(new Verdict(ask.id, proof, "", 0, now, now, true), now);
  }

  private static byte[] drained(Link link) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] data = link.pollTransmit(); data != null; data = link.pollTransmit()) {
      all.writeBytes(data);
    }
    return all.toByteArray();
  }

  private int agreementOf(String orderNo) {
    return Orders.core(ledger.order(orderNo).getCore()).getAgreementNo();
  }

  @Test
  public void aNewerAgreementIsTakenOverWhileTheLinkRunsAndNewOrdersAreUnderIt() throws Exception {
    connect();
    String before = his.collect("bill-1", 100, now);
    his.provision(site(newer(), older), now);
    run(1_000);
    assertTrue("the session goes on under its own", his.isReady());
    assertEquals(older.agreement.getAgreementNo(), agreementOf(his.collect("bill-2", 100, now)));
    his.closed(now);
    startPos(newer(), older);
    connect();
    assertEquals(older.agreement.getAgreementNo(), agreementOf(before));
    String after = his.collect("bill-3", 100, now);
    assertEquals(newer().agreement.getAgreementNo(), agreementOf(after));
    run(600_000);
    assertTrue("no code in time", ledger.openOrders().isEmpty());
  }

  private void provisionPos(Revocation revocation, Agreements.Signed... all) throws Exception {
    pos.provision(List.of(all), terminals(revocation), merchants(), now);
  }

  @Test
  public void bothTakeANewerAgreementOverWhileTheLinkRuns() throws Exception {
    connect();
    String before = his.collect("bill-1", 100, now);
    his.provision(site(newer(), older), now);
    provisionPos(Revocation.REVOCATION_UNSPECIFIED, newer(), older);
    run(1_000);
    assertTrue("the session goes on under its own", his.isReady());
    his.cancel(before, now);
    run(60_000);
    assertTrue("an order of the older agreement ends", Ledger.hasEnded(ledger.order(before)));
    his.closed(now);
    pos.closed(now);
    connect();
    String after = his.collect("bill-2", 100, now);
    assertEquals(newer().agreement.getAgreementNo(), agreementOf(after));
    run(1_000);
    assertTrue("it is accepted", pos.waitsForCode());
  }

  @Test
  public void everyMerchantIsVerifiedAgainBehindAnImportAndOneWithoutCredentialsIsNone()
      throws Exception {
    connect();
    assertEquals(2, pos.verified().size());
    Merchant left = merchants().get(0);
    pos.provision(
        List.of(older), terminals(Revocation.REVOCATION_UNSPECIFIED), List.of(left), now);
    assertEquals(Set.of(left), pos.verified());
    Ask ask = pos.pollAsk();
    assertEquals(Ask.Request.VERIFY, ask.request);
    assertEquals(left, ask.merchant);
    assertNull(pos.pollAsk());
  }

  @Test
  public void theSessionOfACompromisedTerminalEndsInOrderAndNoneFollows() throws Exception {
    connect();
    provisionPos(Revocation.REVOCATION_COMPROMISED, older);
    List<String> told = new ArrayList<>();
    his.feed(drained(pos), now);
    for (LinkEvent event = his.pollEvent(); event != null; event = his.pollEvent()) {
      told.add(event.toString());
    }
    assertEquals("down", told.get(told.size() - 1));
    run(60_000);
    assertFalse(his.isReady());
  }

  @Test
  public void aTerminalThatIsCompromisedBetweenTwoMessagesOfAKeyExchangeGetsNoSession()
      throws Exception {
    his.opened(now);
    pos.opened(now);
    his.onTimer(now);
    pos.feed(drained(his), now);
    his.feed(drained(pos), now);
    byte[] m3 = drained(his);
    assertTrue("M3 is on its way", m3.length > 100);
    provisionPos(Revocation.REVOCATION_COMPROMISED, older);
    pos.feed(m3, now);
    for (LinkEvent event = pos.pollEvent(); event != null; event = pos.pollEvent()) {
      assertFalse(event.toString(), event instanceof LinkEvent.Up);
    }
  }

  @Test
  public void aRetiredTerminalKeepsItsSessionAndMakesNoNewOrder() throws Exception {
    connect();
    provisionPos(Revocation.REVOCATION_RETIRED, older);
    run(1_000);
    assertTrue(his.isReady());
    his.collect("bill-1", 100, now);
    run(1_000);
    List<Integer> codes = new ArrayList<>();
    for (LinkEvent event = his.pollEvent(); event != null; event = his.pollEvent()) {
      if (event instanceof LinkEvent.Rejected) {
        codes.add(((LinkEvent.Rejected) event).code);
      }
    }
    assertEquals(List.of(RejectCode.REJECT_CODE_WRONG_TERMINAL_VALUE), codes);
    assertFalse("it is not accepted", pos.waitsForCode());
  }

  @Test
  public void aPosForgetsNoAgreement() throws Exception {
    connect();
    provisionPos(Revocation.REVOCATION_UNSPECIFIED, newer(), older);
    assertThrows(
        IllegalArgumentException.class,
        () -> provisionPos(Revocation.REVOCATION_UNSPECIFIED, newer()));
    assertThrows(
        IllegalArgumentException.class,
        () -> provisionPos(Revocation.REVOCATION_UNSPECIFIED, older, newer()));
    run(1_000);
    assertTrue(his.isReady());
  }

  @Test
  public void aTerminalWithoutTheNewerAgreementIsReachedUnderTheOlderOne() throws Exception {
    his.provision(site(newer(), older), now);
    connect();
    assertEquals(older.agreement.getAgreementNo(), agreementOf(his.collect("bill-1", 100, now)));
  }

  @Test
  public void theLastWordOfAHisThatClosesRightBehindItCounts() throws Exception {
    connect();
    String orderNo = his.collect("bill-1", 100, now);
    run(1_000);
    his.cancel(orderNo, now);
    byte[] confirmation = {};
    for (long end = now + 60_000; now < end && confirmation.length == 0; now += 50) {
      his.onTimer(now);
      pos.feed(drained(his), now);
      for (Ask ask = pos.pollAsk(); ask != null; ask = pos.pollAsk()) {
        answer(ask);
      }
      pos.onTimer(now);
      his.feed(drained(pos), now);
      confirmation = Ledger.hasEnded(ledger.order(orderNo)) ? drained(his) : confirmation;
    }
    assertEquals(0, journal.order(orderNo).getAnsweredValue());
    his.close(now);
    pos.feed(Bytes.concat(confirmation, drained(his)), now);
    assertEquals(Disposition.DISPOSITION_RECORDED, journal.order(orderNo).getAnswered());
  }

  /** Lets POS hear HIS; what it says of each frame's kind. */
  private byte[] said(int kind) {
    pos.feed(drained(his), now);
    for (Ask ask = pos.pollAsk(); ask != null; ask = pos.pollAsk()) {
      answer(ask);
    }
    pos.onTimer(now);
    byte[] all = {};
    for (Frame frame : new Frames(Side.HIS).feed(drained(pos))) {
      boolean isWanted = frame.kind == kind;
      all = isWanted ? Bytes.concat(all, Frames.encode(frame.kind, frame.body)) : all;
    }
    return all;
  }

  @Test
  public void aReportOfTheSessionBeforeIsNotAnsweredInTheNextOne() throws Exception {
    connect();
    String orderNo = his.collect("bill-1", 100, now);
    run(1_000);
    his.cancel(orderNo, now);
    byte[] late = {};
    for (; late.length == 0; now += 50) {
      his.onTimer(now);
      byte[] said = said(Frame.RECORD_POS);
      if (journal.order(orderNo).getState() == PosState.POS_STATE_ENDED) {
        late = said;
      } else {
        his.feed(said, now);
      }
    }
    // HIS hears nothing for long, and begins another key exchange over the session.
    byte[] m2 = {};
    for (; m2.length == 0; now += 1_000) {
      his.onTimer(now);
      m2 = said(Frame.M2);
    }
    his.feed(m2, now);
    byte[] ready = said(Frame.RECORD_POS);
    drained(his);
    his.feed(Bytes.concat(late, ready), now);
    int frames = 0;
    while (his.pollTransmit() != null) {
      frames++;
    }
    assertEquals("Sync alone", 1, frames);
    assertTrue("the switch was", his.isLineUp(now));
    assertFalse(Ledger.hasEnded(ledger.order(orderNo)));
  }

  @Test
  public void theDeviceTellsWhatItCountsForADay() throws Exception {
    connect();
    String orderNo = his.collect("bill-1", 100, now);
    his.cancel(orderNo, now);
    run(60_000);
    assertTrue(Ledger.hasEnded(ledger.order(orderNo)));
    int day = ledger.today();
    his.totals(day, now);
    run(1_000);
    LinkEvent.TotalsTold told = null;
    for (LinkEvent event = his.pollEvent(); event != null; event = his.pollEvent()) {
      told = event instanceof LinkEvent.TotalsTold ? (LinkEvent.TotalsTold) event : told;
    }
    assertNotNull(told);
    assertEquals(day, told.businessDay);
    String device = text(site, "device_id");
    assertEquals(ledger.totals(day, device).getDigest(), told.totals.getDigest());
    assertFalse(ledger.totals(day, "POS-9999").getDigest().equals(told.totals.getDigest()));
  }
}
