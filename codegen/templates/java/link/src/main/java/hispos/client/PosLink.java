package hispos.client;

import hispos.client.Refusal.Reason;
import hispos.client.messages.AlertCode;
import hispos.client.messages.Channel;
import hispos.client.messages.DeviceEvent;
import hispos.client.messages.Message;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import hispos.client.messages.ReportResult;
import hispos.client.messages.TerminalManifest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The POS end of a link: it answers HIS, and lives the orders over one session and one journal.
 *
 * <p>Feed bytes, poll bytes, events and questions to the payment platforms, bring verdicts and
 * scanned codes, and the time. Leases, fences and all money rules are in here: the vendor's own
 * payment code only carries a question out and says what the answer proves. Every call is of one
 * thread at a time. Instants are milliseconds since the boot of the machine.
 */
public final class PosLink implements Link {
  private static final int TEXT_MAX = 128;
  private static final int SOFTWARE_MAX = 64;

  private final PosSession session;
  private final PosFlow flow;
  private final Journal journal;
  private final PosAnswers answers;
  private final Deque<LinkEvent> events = new ArrayDeque<>();
  private final Deque<Ask> asks = new ArrayDeque<>();
  private final PosInbox inbox = new PosInbox();
  private Reports reports;
  private PosInbox.Up up;
  private Step held;
  private BookFailed failed;
  private long now;

  /** What a POS link is made of. */
  public static final class Config {
    final Crypto crypto;
    final String deviceId;
    final byte[] seed;
    final byte[] boot;
    final String software;
    final AgreementsHeld agreements;
    final TerminalManifest terminals;
    final List<Merchant> merchants;

    /**
     * All of it.
     *
     * @param seed the private key of the device, 32 bytes
     * @param boot the id of this boot of the machine, 16 bytes
     * @param software name and version of the program, shown to HIS
     * @param agreements all that were ever held, the newest first
     * @param terminals those that may use this device
     * @param merchants those whose credentials the program holds
     * @throws IllegalArgumentException if there is no agreement, or they are not of one site in
     *     falling order of their numbers
     */
    public Config(
        Crypto crypto,
        String deviceId,
        byte[] seed,
        byte[] boot,
        String software,
        List<Agreements.Signed> agreements,
        TerminalManifest terminals,
        List<Merchant> merchants) {
      this.crypto = crypto;
      this.deviceId = deviceId;
      this.seed = seed.clone();
      this.boot = boot.clone();
      this.software = software.substring(0, Math.min(SOFTWARE_MAX, software.length()));
      this.agreements = new AgreementsHeld(agreements);
      this.terminals = terminals;
      this.merchants = new ArrayList<>(merchants);
    }
  }

  /** Loads the journal and asks about the merchants. Draws the run (ORD-7). */
  public PosLink(Config config, Journal journal, Draw draw, long now) {
    this.journal = journal;
    PosContext context = new PosContext(config, draw.draw(4), now);
    String siteId = config.agreements.newest().getSiteId();
    this.flow = new PosFlow(context, siteId, now);
    this.answers = new PosAnswers(config, flow, journal, siteId);
    Registry known = Manifests.registry(config.terminals);
    End end = new End(config.crypto, config.deviceId, config.seed, known);
    this.session = new PosSession(end, config.agreements.terms(), draw, answers::ready);
    this.reports = new Reports(now);
    this.now = now;
    for (PosOrder order : journal.orders().values()) {
      if (order.getState() != PosState.POS_STATE_ENDED || order.getAnsweredValue() == 0) {
        flow.load(order, true, now);
      }
    }
    inbox.tick();
    run(now);
  }

  // The line.

  @Override
  public void opened(long at) {
    session.opened(at);
    finishInput(at);
  }

  @Override
  public void closed(long at) {
    session.closed(at);
    finishInput(at);
  }

  @Override
  public void feed(byte[] data, long at) {
    session.feed(data, at);
    finishInput(at);
  }

  @Override
  public void onTimer(long at) {
    session.onTimer(at);
    inbox.tick();
    finishInput(at);
  }

  /** A {@link LateStorage} has made durable what it was given. */
  public void persisted(long at) {
    finishInput(at);
  }

  private void finishInput(long at) {
    drain(at);
    run(at);
  }

  @Override
  public byte[] pollTransmit() {
    return session.pollTransmit();
  }

  @Override
  public LinkEvent pollEvent() {
    return events.poll();
  }

  /** The next question for a payment platform, or null. It is to be carried out at once. */
  public Ask pollAsk() {
    return asks.poll();
  }

  @Override
  public long nextTimer() {
    if (!journal.book.isDurable()) {
      return session.nextTimer();
    }
    long next = Math.min(session.nextTimer(), flow.deadline(now));
    return mayReport() ? Math.min(next, reports.deadline(flow.unanswered, now)) : next;
  }

  // Commands.

  /** What the answer to a question proves. */
  public void verdict(Verdict verdict, long at) {
    inbox.verdict(verdict);
    finishInput(at);
  }

  /** A patient's code was scanned. The link erases it. */
  public void scan(Channel channel, PaymentCode code, long at) throws Refusal {
    if (!flow.waits()) {
      code.erase();
      throw new Refusal(Reason.NO_ORDER_WAITS, "no order waits for a code");
    }
    inbox.scan(channel, code);
    run(at);
  }

  /** Whether the journal has room above its reserve; new orders are refused while it has not. */
  public void setStorage(boolean isEnough) {
    answers.hasStorage = isEnough;
  }

  /** Tells HIS something about the device (messages, section "DeviceEvent"). */
  public void notice(int code, String text, long at) throws Refusal {
    DeviceEvent event =
        DeviceEvent.newBuilder()
            .setCode(code)
            .setText(text.substring(0, Math.min(TEXT_MAX, text.length())))
            .build();
    if (!send(Message.newBuilder().setDeviceEvent(event).build(), at)) {
      throw new Refusal(Reason.NO_SESSION, "there is no session");
    }
    drain(at);
  }

  /**
   * Takes newer agreements, terminals or credentials over, for new sessions and orders (PRV-31,
   * PRV-40). A live session goes on, but that of a terminal which is now revoked as compromised
   * ends. Every merchant is verified again (PAY-33).
   *
   * @param agreements every agreement that was held, and the newer ones before them
   * @param merchants those whose credentials the program holds now
   * @throws IllegalArgumentException if an agreement that was held is missing (PRV-30); nothing has
   *     changed then
   */
  public void provision(
      List<Agreements.Signed> agreements,
      TerminalManifest terminals,
      List<Merchant> merchants,
      long at) {
    AgreementsHeld newer = new AgreementsHeld(agreements);
    if (!newer.holdsAllOf(flow.context.agreements)) {
      throw new IllegalArgumentException("an agreement that was held is missing");
    }
    Registry known = Manifests.registry(terminals);
    if (up != null && known.key(up.peer) == null) {
      session.end(AlertCode.ALERT_CODE_UNSPECIFIED, at);
    }
    session.provision(known, newer.terms());
    answers.provision(terminals);
    flow.provision(newer, new ArrayList<>(merchants), at);
    inbox.tick();
    finishInput(at);
  }

  /** Ends the session in order. */
  public void close(long at) {
    session.end(AlertCode.ALERT_CODE_UNSPECIFIED, at);
    drain(at);
  }

  /** Whether the book failed: nothing more is told or moved until the program starts again. */
  public boolean isHalted() {
    return failed != null;
  }

  /** Why the book failed, or null. */
  public BookFailed failure() {
    return failed;
  }

  /** Whether an order waits for a code. */
  public boolean waitsForCode() {
    return flow.waits();
  }

  /** Merchants whose credentials a platform has verified in this run. */
  public Set<Merchant> verified() {
    return Collections.unmodifiableSet(flow.context.verified);
  }

  /** What was dropped on this stream, by name (FRM-32). */
  public Map<String, Integer> drops() {
    return session.drops();
  }

  // What happens.

  private void drain(long at) {
    for (SessionEvent event = session.pollEvent(); event != null; event = session.pollEvent()) {
      if (event instanceof SessionEvent.Started) {
        SessionEvent.Started started = (SessionEvent.Started) event;
        up = new PosInbox.Up(started.peer, started.zero);
        reports = new Reports(at);
        events.add(new LinkEvent.Up(started.peer));
      } else if (event instanceof SessionEvent.Ended) {
        if (up != null) {
          up = null;
          events.add(new LinkEvent.Down());
        }
      } else if (event instanceof SessionEvent.Received) {
        received(((SessionEvent.Received) event).message, at);
      } else {
        events.add(new LinkEvent.Notice(((SessionEvent.Notice) event).text));
      }
    }
  }

  private void received(Message message, long at) {
    if (up == null) {
      return;
    }
    if (message.getReplyTo() != 0) {
      if (message.getBodyCase() == Message.BodyCase.CONFIRM_RESULT) {
        reports.answered(message.getReplyTo());
        inbox.confirmation(up, message);
      }
      return;
    }
    AlertCode alert = inbox.request(up, message);
    if (alert != null) {
      session.end(alert, at);
    }
  }

  private void run(long at) {
    // What fell due since the latest input is not passed over, whatever came in now.
    if (flow.deadline(now) <= at) {
      inbox.tick();
    }
    now = at;
    finish();
    while (failed == null && !inbox.isEmpty() && journal.book.isDurable()) {
      step(inbox.next(), new Step(at, journal.book.unix()));
    }
    report(at);
  }

  private void step(PosInbox.Work item, Step step) {
    if (item.message != null) {
      if (!item.counts(up)) {
        return;
      }
      Message.Builder body = answers.answer(item.message, item.up.peer, item.up.zero, step);
      if (body != null) {
        step.answers(item.up, body.setReplyTo(item.message.getCall()).build());
      }
    } else if (item.verdict != null) {
      flow.verdict(item.verdict, step);
    } else if (item.code == null) {
      flow.tick(step);
    } else if (!flow.scan(item.channel, item.code, step)) {
      item.code.erase();
    }
    carryOut(step);
  }

  /** Makes the rows of a step durable, then does the rest: the answer first. */
  private void carryOut(Step step) {
    if (!step.writes.isEmpty()) {
      try {
        journal.book.commit(Collections.<Book.Key, Long>emptyMap(), step.writes);
      } catch (BookFailed error) {
        failed = error;
        session.isBusy = true;
        return;
      }
    }
    held = step;
    finish();
  }

  /** Does what waited for the journal, if that is durable: the answer first (ORD-8). */
  private void finish() {
    if (held == null || !journal.book.isDurable()) {
      return;
    }
    Step step = held;
    if (step.reply != null && step.of == up) {
      send(step.reply, step.now);
    }
    held = null;
    for (Step.Effect effect : step.then) {
      if (effect.ask != null) {
        asks.add(effect.ask);
      } else if (effect.event != null) {
        events.add(effect.event);
      } else if (effect.notice != null) {
        send(effect.notice, step.now);
      } else {
        reports.now(effect.report, step.now);
      }
    }
    drain(step.now);
  }

  private boolean send(Message message, long at) {
    return up != null && session.maySpeak() && session.send(message.toByteArray(), at);
  }

  private boolean mayReport() {
    return up != null && up.isSynced && failed == null && journal.book.isDurable();
  }

  private void report(long at) {
    if (!mayReport()) {
      return;
    }
    String orderNo = reports.next(flow.unanswered, at);
    ReportResult.Builder report = orderNo == null ? null : answers.report(orderNo);
    if (report == null) {
      return;
    }
    send(Message.newBuilder().setCall(reports.call()).setReportResult(report).build(), at);
    drain(at);
  }
}
