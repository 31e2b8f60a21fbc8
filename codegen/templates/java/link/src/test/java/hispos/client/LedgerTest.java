package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.text;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import hispos.client.Refusal.Reason;
import hispos.client.messages.Agreement;
import hispos.client.messages.CaptureRow;
import hispos.client.messages.Channel;
import hispos.client.messages.DayRow;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.Disposition;
import hispos.client.messages.HisState;
import hispos.client.messages.Outcome;
import hispos.client.messages.Posting;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Revocation;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.List;
import org.junit.Before;
import org.junit.Test;

/** What a ledger writes, by results that a device has signed. */
public class LedgerTest {
  private static final Crypto CRYPTO = new BouncyCrypto();
  private static final int DAY = 20261124;
  private static final int PAID = 100;
  private static final int REFUND_REFUSED = 404;
  private static final int REFUND_ABSENT = 406;

  private JsonObject site;
  private Agreements.Signed older;
  private DeviceManifest devices;
  private Ledger ledger;
  private long unix = 1_795_486_400;
  private long now = 1_000_000;

  @Before
  public void begin() throws Exception {
    site = Vectors.load("conversations.json").getAsJsonObject("site");
    older = signed(Agreement.parseFrom(hexes(site, "agreement")));
    devices = DeviceManifest.parseFrom(hexes(site, "device_manifest"));
    open(devices);
  }

  private void open(DeviceManifest of) throws Exception {
    devices = of;
    Book book = new Book(new BookVectors.Memory(), () -> unix);
    ledger = new Ledger(book, site(older), CRYPTO, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    ledger.beginRun(now);
  }

  private static Agreements.Signed signed(Agreement agreement) {
    return new Agreements.Signed(agreement, Hashes.sha256(agreement.toByteArray()));
  }

  private Site site(Agreements.Signed... agreements) {
    return new Site(List.of(agreements), devices, hexes(site, "site_secret"));
  }

  private Agreements.Signed newer() {
    Agreement.Builder next = older.agreement.toBuilder().setSiteCode("SIM9");
    return signed(next.setAgreementNo(next.getAgreementNo() + 1).build());
  }

  private Making.Window window(Agreement agreement) {
    return new Making.Window(
        text(site, "device_id"),
        text(site, "terminal_id"),
        ByteString.copyFrom(new byte[] {1, 2, 3, 4}),
        0,
        now,
        agreement,
        DAY);
  }

  private String collect(String bill, long fen) throws Refusal {
    return new Making(ledger).collect(bill, fen, window(older.agreement));
  }

  private String refund(Refund wanted) throws Refusal {
    return new MakingRefund(ledger, wanted, window(ledger.site().newest())).make();
  }

  private static Refund wanted(String orderNo, long fen) {
    return new Refund(orderNo, fen, "item", "1001", "1002", "wrong");
  }

  /** Takes in what the device says of an order. */
  private Disposition says(String orderNo, Outcome outcome, int status, boolean isLook) {
    byte[] core = Bytes.of(ledger.order(orderNo).getCore());
    boolean isMoney = outcome == Outcome.OUTCOME_PAID || outcome == Outcome.OUTCOME_REFUNDED;
    ResultCore.Builder said =
        ResultCore.newBuilder()
            .setOrderHash(Bytes.field(Orders.hash(text(site, "site_id"), core)))
            .setOrderNo(orderNo)
            .setDeviceId(text(site, "device_id"))
            .setOutcome(outcome)
            .setStatusValue(status)
            .setAmount(Orders.core(Bytes.field(core)).getAmount());
    if (isMoney) {
      said.setChannel(Channel.CHANNEL_WECHAT).setPaymentNo("PAY-1").setCapturedAt(unix);
    }
    byte[] result = said.build().toByteArray();
    byte[] signature = Orders.sign(CRYPTO, hexes(site, "device_seed"), result);
    return new Accepting(ledger)
        .takeResult(text(site, "device_id"), result, signature, Bytes.NONE, isLook);
  }

  private String paid(String bill, long fen) throws Refusal {
    String orderNo = collect(bill, fen);
    says(orderNo, Outcome.OUTCOME_PAID, PAID, false);
    assertEquals(HisState.HIS_STATE_PAID, ledger.order(orderNo).getState());
    return orderNo;
  }

  private CaptureRow capture(String key) {
    return Bytes.parsed(CaptureRow.parser(), ledger.book.get(Table.TABLE_CAPTURE, key));
  }

  private int reserved(String orderNo) {
    String key =
        ledger.captureKey(older.agreement.getAgreementNo(), orderNo, Channel.CHANNEL_WECHAT);
    return capture(key).getReservationsCount();
  }

  private static Reason reason(org.junit.function.ThrowingRunnable step) {
    return assertThrows(Refusal.class, step).reason;
  }

  @Test
  public void aReservationIsHeldUntilTheThirdLookHasProvedNoRefund() throws Exception {
    String orderNo = paid("bill-1", 1000);
    String refundNo = refund(wanted(orderNo, -400));
    says(refundNo, Outcome.OUTCOME_NOT_REFUNDED, REFUND_ABSENT, false);
    long ended = unix;
    for (long after : new long[] {600, 3_600, 86_400}) {
      unix = ended + after - 1;
      says(refundNo, Outcome.OUTCOME_NOT_REFUNDED, REFUND_ABSENT, true);
      assertEquals("a look before it was due", 1, reserved(orderNo));
      unix++;
      says(refundNo, Outcome.OUTCOME_NOT_REFUNDED, REFUND_ABSENT, false);
      assertEquals("a late repeat is no look", 1, reserved(orderNo));
      says(refundNo, Outcome.OUTCOME_NOT_REFUNDED, REFUND_ABSENT, true);
    }
    assertEquals(3, ledger.order(refundNo).getLookedAgain());
    assertEquals(0, reserved(orderNo));
    assertTrue(ledger.index.looks().isEmpty());
  }

  @Test
  public void anUnpostedPaymentThatGoesBackWholeIsNotPostedUntilTheRefundFails() throws Exception {
    String orderNo = paid("bill-1", 1000);
    assertEquals(Reason.OTHER, reason(() -> refund(wanted(orderNo, -400).notToPost())));
    String refundNo = refund(wanted(orderNo, -1000).notToPost());
    assertTrue(ledger.unposted().isEmpty());
    assertEquals(Reason.OTHER, reason(() -> ledger.markPosted(orderNo)));
    says(refundNo, Outcome.OUTCOME_NOT_REFUNDED, REFUND_REFUSED, false);
    assertEquals(List.of(orderNo), ledger.unposted());
    assertEquals(0, reserved(orderNo));
    unix += 60;
    String again = refund(wanted(orderNo, -1000).notToPost());
    says(again, Outcome.OUTCOME_REFUNDED, 110, false);
    assertEquals(Posting.POSTING_NOT_TO_POST, ledger.order(again).getPosting());
    assertTrue(ledger.unposted().isEmpty());
  }

  @Test
  public void aCaptureIsKeptUnderTheSiteCodeOfItsOwnAgreement() throws Exception {
    String orderNo = paid("bill-1", 1000);
    ledger.provision(site(newer(), older));
    String refundNo = refund(wanted(orderNo, -400));
    assertEquals(1, reserved(orderNo));
    int agreementNo = Orders.core(ledger.order(refundNo).getCore()).getAgreementNo();
    assertEquals(newer().agreement.getAgreementNo(), agreementNo);
    says(refundNo, Outcome.OUTCOME_REFUNDED, 110, false);
    String key = Numbers.platform(older.agreement.getSiteCode(), orderNo, 'W');
    assertEquals(400, capture(key).getRefunded());
    assertNull(ledger.book.get(Table.TABLE_CAPTURE, Numbers.platform("SIM9", orderNo, 'W')));
  }

  @Test
  public void aSiteForgetsNoAgreementAndNoSecret() {
    Ledger of = ledger;
    assertThrows(IllegalArgumentException.class, () -> of.provision(site(newer())));
    assertThrows(IllegalArgumentException.class, () -> site(older, newer()));
    assertThrows(IllegalArgumentException.class, () -> site());
    Site other = new Site(List.of(older), devices, new byte[32]);
    assertThrows(IllegalArgumentException.class, () -> of.provision(other));
    ledger.provision(site(newer(), older));
    assertEquals(2, ledger.site().serving().size());
  }

  @Test
  public void aCompromisedDevicesResultEndsNothingAlsoWithoutAClock() throws Exception {
    String deviceId = text(site, "device_id");
    DeviceManifest.Builder stolen = devices.toBuilder();
    for (int place = 0; place < stolen.getDevicesCount(); place++) {
      if (stolen.getDevices(place).getDeviceId().equals(deviceId)) {
        stolen.setDevices(
            place,
            stolen.getDevices(place).toBuilder()
                .setRevocation(Revocation.REVOCATION_COMPROMISED)
                .setCompromisedSince(unix + 100));
      }
    }
    String orderNo = collect("bill-1", 1000);
    devices = stolen.build();
    ledger.provision(site(older));
    unix = 0;
    Disposition disposition = says(orderNo, Outcome.OUTCOME_PAID, PAID, false);
    assertEquals(Disposition.DISPOSITION_KEPT, disposition);
    assertFalse(Ledger.hasEnded(ledger.order(orderNo)));
  }

  @Test
  public void anOrderThatIsMarkedIsNotWrittenAgain() throws Exception {
    String orderNo = paid("bill-1", 1000);
    ledger.markPosted(orderNo);
    long seq = ledger.book.seq();
    ledger.markPosted(orderNo);
    assertEquals(seq, ledger.book.seq());
    assertEquals(Reason.UNKNOWN_ORDER, reason(() -> ledger.markPosted("B0")));
  }

  @Test
  public void aClosedDayTakesNoOrdersAndWhatChangesItIsANewRevision() throws Exception {
    String orderNo = collect("bill-1", 1000);
    DayRow closed = ledger.closeDay(DAY, "1001");
    assertEquals(1, closed.getRevision());
    assertEquals(List.of(orderNo), closed.getClosed().getOpenList());
    assertEquals("1001", closed.getClosed().getBy());
    assertEquals(Reason.OTHER, reason(() -> ledger.closeDay(DAY, "1001")));
    assertEquals(Reason.OTHER, reason(() -> ledger.closeDay(20261131, "1001")));
    assertEquals(Reason.OTHER, reason(() -> collect("bill-2", 1000)));
    long seq = ledger.book.seq();
    says(orderNo, Outcome.OUTCOME_PAID, PAID, false);
    assertTrue(ledger.book.seq() > seq);
    DayRow revised = ledger.day(DAY);
    assertEquals(2, revised.getRevision());
    assertEquals(closed.getClosed(), revised.getClosed());
    assertEquals(0, revised.getLatest().getOpenCount());
    assertEquals(1000, revised.getLatest().getRows(0).getAmount());
    assertEquals(revised.getLatest().getDigest(), ledger.totals(DAY, "").getDigest());
    ledger.markPosted(orderNo);
    assertEquals("what changes no sum", 2, ledger.day(DAY).getRevision());
  }

  @Test
  public void anotherDeviceIsAskedOnlyBehindTheLeaseAndTheQuietTime() throws Exception {
    String orderNo = collect("bill-1", 1000);
    assertEquals(
        Reason.UNKNOWN_ORDER, reason(() -> ledger.askElsewhere(orderNo, "POS-0002", now)));
    ledger.beginRun(now);
    long quietFrom = ledger.order(orderNo).getLeasedUntil() + ledger.site().quiet();
    assertEquals(
        Reason.LEASED, reason(() -> ledger.askElsewhere(orderNo, "POS-0002", quietFrom - 1)));
    ledger.askElsewhere(orderNo, "POS-0002", quietFrom);
    ledger.askElsewhere(orderNo, "POS-0002", quietFrom);
    assertEquals(List.of("POS-0002"), ledger.order(orderNo).getDevicesList());
  }

  @Test
  public void withoutACalendarClockAPersonGivesTheDay() throws Exception {
    unix = 0;
    Making.Window of = window(older.agreement);
    Making.Window none =
        new Making.Window(of.deviceId, of.terminalId, of.run, of.zero, now, of.agreement, 0);
    assertEquals(Reason.OTHER, reason(() -> new Making(ledger).collect("bill-1", 1000, none)));
    String orderNo = collect("bill-1", 1000);
    assertEquals(DAY, Orders.core(ledger.order(orderNo).getCore()).getBusinessDay());
  }

  private List<String> alarms(HisLink link) {
    List<String> found = new ArrayList<>();
    link.onTimer(now);
    for (LinkEvent event = link.pollEvent(); event != null; event = link.pollEvent()) {
      if (event instanceof LinkEvent.Alarmed) {
        Alarm alarm = ((LinkEvent.Alarmed) event).alarm;
        found.add(alarm.kind + " " + alarm.orderNo);
      }
    }
    return found;
  }

  @Test
  public void anOrderThatIsUnpostedForHalfAnHourIsOneAlarmAlsoWithoutASession() throws Exception {
    End end = new End(CRYPTO, text(site, "terminal_id"), new byte[32], id -> null);
    HisLink link = new HisLink(ledger, end, text(site, "device_id"), length -> new byte[length]);
    String late = paid("bill-1", 100);
    unix += 1799;
    assertEquals(List.of(), alarms(link));
    assertEquals(now + 1000, link.nextTimer());
    unix += 1;
    assertEquals(List.of("UNPOSTED " + late), alarms(link));
    assertEquals("once", List.of(), alarms(link));
    assertEquals(List.of(late), ledger.unposted());
    assertEquals(Long.MAX_VALUE, link.nextTimer());
  }

  @Test
  public void anOrderThatIsPostedInTimeIsNoAlarm() throws Exception {
    End end = new End(CRYPTO, text(site, "terminal_id"), new byte[32], id -> null);
    HisLink link = new HisLink(ledger, end, text(site, "device_id"), length -> new byte[length]);
    String paid = paid("bill-1", 100);
    unix += 60;
    ledger.markPosted(paid);
    unix += 86_400;
    assertEquals(List.of(), alarms(link));
    assertEquals(List.of(), ledger.unposted());
  }
}
