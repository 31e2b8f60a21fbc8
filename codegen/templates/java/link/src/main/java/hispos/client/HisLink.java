package hispos.client;

import hispos.client.Refusal.Reason;
import hispos.client.messages.AlertCode;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import java.util.Map;

/**
 * The HIS end of a link: one terminal of the HIS and its device, over one session and one ledger
 * (messages, orders).
 *
 * <p>Feed bytes, poll bytes and events, give commands and the time. Every call is of one thread at a
 * time; the links of one ledger share that thread. Nothing in here waits, reads a clock or opens a
 * file. Instants are milliseconds since the boot of the machine.
 */
public final class HisLink implements Link {
  private final HisDesk desk;
  private final HisSession session;
  private final Ledger ledger;

  // Of the live session; null without one.
  private HisFlow flow;
  private HisAnswers answers;
  private long now;

  /**
   * A link without a stream, under the ledger's site. The ledger's {@code beginRun} was called at
   * the start of the program (ORD-182).
   *
   * @param end the terminal of the HIS; its registry knows the devices of the ledger's site
   * @param deviceId the device that is bound to this desk (KEX-58)
   * @param draw random bytes of the operating system
   */
  public HisLink(Ledger ledger, End end, String deviceId, Draw draw) {
    this.ledger = ledger;
    this.session = new HisSession(end, deviceId, ledger.site().serving(), draw);
    this.desk = new HisDesk(session, ledger, end.id, deviceId);
  }

  // The line.

  @Override
  public void opened(long now) {
    session.opened(now);
  }

  @Override
  public void closed(long now) {
    session.closed(now);
    work(now);
  }

  @Override
  public void feed(byte[] data, long now) {
    session.feed(data, now);
    work(now);
  }

  @Override
  public void onTimer(long now) {
    session.onTimer(now);
    work(now);
  }

  /** A {@link LateStorage} has made durable what it was given. */
  public void persisted(long now) {
    work(now);
  }

  @Override
  public byte[] pollTransmit() {
    return session.pollTransmit();
  }

  /** The next event, or null; none while the ledger is not durable (ORD-8). */
  @Override
  public LinkEvent pollEvent() {
    return ledger.book.isDurable() ? desk.events.poll() : null;
  }

  @Override
  public long nextTimer() {
    boolean isDurable = ledger.book.isDurable();
    long next = session.nextTimer();
    if (flow != null) {
      next = Math.min(next, flow.nextTimer(isDurable));
    }
    if (isDurable) {
      next = Math.min(next, Math.min(ledger.waitEnds(), ledger.alarmTimer(now)));
      for (LedgerIndex.Entry order : desk.open()) {
        if (order.row.getState() != HisState.HIS_STATE_ASKING) {
          next = Math.min(next, order.row.getLeasedUntil());
        }
      }
    }
    return next;
  }

  // What people and programs see.

  /** Whether orders can be made (ORD-68). */
  public boolean isReady() {
    return flow != null && flow.isReady();
  }

  /**
   * Whether the line is shown as up; while it is down, open orders are shown as unknown (REC-42,
   * ORD-79).
   */
  public boolean isLineUp(long now) {
    return session.hasHeard(now);
  }

  /** What was dropped on this stream, by name (FRM-32). */
  public Map<String, Integer> drops() {
    return session.drops();
  }

  // Commands. With a LateStorage, what they give is not to be told before `persisted`.

  /** Makes a collect of today, stores it, sends it, and gives its number. */
  public String collect(String bill, long fen, long now) throws Refusal {
    return collect(bill, fen, 0, now);
  }

  /** The same for a business day, from a person where there is no calendar clock (ORD-164). */
  public String collect(String bill, long fen, int day, long now) throws Refusal {
    return made(new Making(ledger).collect(bill, fen, window(day, now)), now);
  }

  /** Makes a refund of today, stores it, sends it, and gives its number. */
  public String refund(Refund wanted, long now) throws Refusal {
    return refund(wanted, 0, now);
  }

  /** The same for a business day, from a person where there is no calendar clock (ORD-164). */
  public String refund(Refund wanted, int day, long now) throws Refusal {
    return made(new MakingRefund(ledger, wanted, window(day, now)).make(), now);
  }

  private Making.Window window(int day, long now) throws Refusal {
    if (ledger.isHalted) {
      throw new Refusal(
          Reason.RESTORING, "the ledger went back: a person has to declare the restore");
    }
    if (!isReady()) {
      throw new Refusal(
          Reason.NO_SESSION, "there is no session past Sync with the terminal");
    }
    if (flow.agreement == null) {
      throw new Refusal(Reason.OTHER, "the agreement of the session is not held");
    }
    return flow.window(day, now);
  }

  private String made(String orderNo, long now) {
    flow.submits(orderNo);
    work(now);
    return orderNo;
  }

  /** Cancels an order that has not ended; its result says what became of it (ORD-177, ORD-179). */
  public void cancel(String orderNo, long now) throws Refusal {
    HisOrder order = ledger.order(orderNo);
    if (order == null || Ledger.hasEnded(order)) {
      throw new Refusal(Reason.UNKNOWN_ORDER, orderNo + " is no open order");
    }
    if (order.getState() == HisState.HIS_STATE_SENT) {
      enter(orderNo, HisState.HIS_STATE_CANCELLING, now);
    }
    work(now);
  }

  /** Asks about an open order again because a person wants it (ORD-72). */
  public void ask(String orderNo, long now) {
    if (flow != null) {
      flow.askNow(orderNo);
    }
    work(now);
  }

  /**
   * Has this device look up an order of another device, whose own is silent (ORD-215 to ORD-217).
   *
   * @throws Refusal also while its own device may still act on it
   */
  public void lookUp(String orderNo, long now) throws Refusal {
    synced();
    ledger.askElsewhere(orderNo, desk.deviceId, now);
    ask(orderNo, now);
  }

  /** Pulls the device's list of orders; {@link LinkEvent.Pulled} says that it is whole. */
  public void pull(long now) throws Refusal {
    synced().pull(now);
    work(now);
  }

  /** Asks what the device counts for a business day; {@link LinkEvent.TotalsTold} says it. */
  public void totals(int day, long now) throws Refusal {
    synced().totals(day, now);
    work(now);
  }

  private HisFlow synced() throws Refusal {
    if (flow == null || !flow.isSynced()) {
      throw new Refusal(Reason.NO_SESSION, "there is no session past Sync with the terminal");
    }
    return flow;
  }

  /**
   * Takes newer agreements and manifests over, for new sessions and orders (PRV-31, PRV-40). The
   * session that lives goes on under its own agreement.
   *
   * @param site every agreement that was held, and the newer ones before them
   * @throws IllegalArgumentException if one that was held is missing (PRV-30)
   */
  public void provision(Site site, long now) {
    ledger.provision(site);
    session.provision(site.registry(), site.serving());
    work(now);
  }

  /** Ends the session in order. */
  public void close(long now) {
    session.end(AlertCode.ALERT_CODE_UNSPECIFIED, now);
    work(now);
  }

  // What happens.

  private void work(long at) {
    now = at;
    for (SessionEvent event = session.pollEvent(); event != null; event = session.pollEvent()) {
      take(event, at);
    }
    if (answers != null) {
      answers.goOn(at);
    }
    boolean isDurable = ledger.book.isDurable();
    if (isDurable) {
      passDeadlines(at);
      ledger.endWaiting(at);
      ledger.alarmUnposted();
      desk.tellAlarms();
    }
    if (flow != null && session.isLive()) {
      flow.work(isDurable, at);
    }
  }

  private void take(SessionEvent event, long now) {
    if (event instanceof SessionEvent.Started) {
      flow = new HisFlow(desk, (SessionEvent.Started) event, now);
      answers = new HisAnswers(desk, flow);
      flow.begin(now);
    } else if (event instanceof SessionEvent.Ended) {
      flow = null;
      answers = null;
      desk.tell(new LinkEvent.Down());
    } else if (event instanceof SessionEvent.Received) {
      SessionEvent.Received received = (SessionEvent.Received) event;
      if (answers != null && received.live == session.live) {
        answers.receive(received.message, now);
      }
    } else {
      desk.tell(new LinkEvent.Notice(((SessionEvent.Notice) event).text));
    }
  }

  /** Lease ends, and submits that come too late (ORD-178, ORD-180). */
  private void passDeadlines(long now) {
    for (LedgerIndex.Entry order : desk.open()) {
      HisOrder row = order.row;
      if (row.getState() == HisState.HIS_STATE_ASKING) {
        continue;
      }
      if (now >= row.getLeasedUntil()) {
        enter(order.orderNo, HisState.HIS_STATE_ASKING, now);
      } else if (row.getState() == HisState.HIS_STATE_SENT
          && now >= row.getStartBy()
          && flow != null
          && flow.calls.wouldSubmit(order.orderNo, now)) {
        enter(order.orderNo, HisState.HIS_STATE_CANCELLING, now);
      }
    }
  }

  /** An order enters another state: it is asked about anew (ORD-74). */
  private void enter(String orderNo, HisState state, long now) {
    ledger.setState(orderNo, state, 0);
    if (flow != null) {
      flow.drop(orderNo, now);
    }
  }
}
