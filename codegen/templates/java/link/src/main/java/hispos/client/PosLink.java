package hispos.client;

import hispos.client.Refusal.Reason;
import hispos.client.messages.Agreement;
import hispos.client.messages.AlertCode;
import hispos.client.messages.Channel;
import hispos.client.messages.DeviceEvent;
import hispos.client.messages.Message;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import hispos.client.messages.ReportResult;
import hispos.client.messages.SessionReady;
import hispos.client.messages.TerminalManifest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
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
  private static final int SERVING = 2;

  private final Config config;
  private final PosSession session;
  private final PosFlow flow;
  private final Journal journal;
  private final PosAnswers answers;
  private final Deque<LinkEvent> events = new ArrayDeque<>();
  private final Deque<Ask> asks = new ArrayDeque<>();
  private final Deque<Work> work = new ArrayDeque<>();
  private Reports reports;
  private Up up;
  private Held held;
  private boolean isHalted;
  private long now;

  /** What a POS link is made of. */
  public static final class Config {
    final Crypto crypto;
    final String deviceId;
    final byte[] seed;
    final byte[] boot;
    final String software;
    final List<Agreements.Signed> agreements;
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
      this.agreements = new ArrayList<>(agreements);
      this.terminals = terminals;
      this.merchants = new ArrayList<>(merchants);
    }

    /** Those that serve: the newest one and the one before it. */
    List<Agreements.Signed> serving() {
      return agreements.subList(0, Math.min(SERVING, agreements.size()));
    }
  }

  /** The session that is up. */
  private static final class Up {
    final String peer;
    final long zero;
    boolean isSynced;

    Up(String peer, long zero) {
      this.peer = peer;
      this.zero = zero;
    }
  }

  /** One piece of work: a request, a verdict, a code, or the time. */
  private static final class Work {
    final Up up;
    final Message message;
    final Verdict verdict;
    final Channel channel;
    final PaymentCode code;

    private Work(Up up, Message message, Verdict verdict, Channel channel, PaymentCode code) {
      this.up = up;
      this.message = message;
      this.verdict = verdict;
      this.channel = channel;
      this.code = code;
    }

    boolean isTick() {
      return message == null && verdict == null && code == null;
    }
  }

  /** What a step does once its rows are durable. */
  private static final class Held {
    final Step step;
    final Message reply;
    final Up of;

    Held(Step step, Message reply, Up of) {
      this.step = step;
      this.reply = reply;
      this.of = of;
    }
  }

  private static final Work TICK = new Work(null, null, null, null, null);

  /** Loads the journal and asks about the merchants. Draws the run (ORD-7). */
  public PosLink(Config config, Journal journal, Draw draw, long now) {
    this.config = config;
    this.journal = journal;
    String siteId = config.agreements.get(0).agreement.getSiteId();
    byte[] run = draw.draw(4);
    PosContext context =
        new PosContext(
            config.crypto,
            config.deviceId,
            config.seed,
            config.boot,
            run,
            now,
            agreements(),
            config.merchants);
    this.flow = new PosFlow(context, siteId, now);
    this.answers = new PosAnswers(config, flow, journal, siteId);
    List<Terms> serving = new ArrayList<>();
    for (Agreements.Signed signed : config.serving()) {
      serving.add(new Terms(signed.hash, signed.agreement));
    }
    Registry known = Manifests.registry(config.terminals);
    End end = new End(config.crypto, config.deviceId, config.seed, known);
    this.session = new PosSession(end, serving, draw, this::ready);
    this.reports = new Reports(now);
    this.now = now;
    for (PosOrder order : journal.orders().values()) {
      if (order.getState() != PosState.POS_STATE_ENDED || order.getAnsweredValue() == 0) {
        flow.load(order, true, now);
      }
    }
    work.add(TICK);
    run(now);
  }

  private List<Agreement> agreements() {
    List<Agreement> found = new ArrayList<>();
    for (Agreements.Signed signed : config.agreements) {
      found.add(signed.agreement);
    }
    return found;
  }

  private byte[] ready(byte[] agreementHash, long at) {
    boolean isSimulated = false;
    for (Agreements.Signed signed : config.agreements) {
      if (Bytes.compare(signed.hash, agreementHash) == 0) {
        isSimulated = signed.agreement.getSimulated();
      }
    }
    SessionReady ready =
        SessionReady.newBuilder()
            .setRun(flow.context.run)
            .setPosTime(journal.book.unix())
            .setSoftware(config.software)
            .setSimulated(isSimulated)
            .build();
    return Message.newBuilder().setReady(ready).build().toByteArray();
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
    queueTick();
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
    work.add(new Work(null, null, verdict, null, null));
    finishInput(at);
  }

  /** A patient's code was scanned. The link erases it. */
  public void scan(Channel channel, PaymentCode code, long at) throws Refusal {
    if (!flow.waits()) {
      code.erase();
      throw new Refusal(Reason.NO_ORDER_WAITS, "no order waits for a code");
    }
    work.add(new Work(null, null, null, channel, code));
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

  /** Ends the session in order. */
  public void close(long at) {
    session.end(AlertCode.ALERT_CODE_UNSPECIFIED, at);
    drain(at);
  }

  /** Whether the book failed: nothing more is told or moved until the program starts again. */
  public boolean isHalted() {
    return isHalted;
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

  private void queueTick() {
    if (!work.contains(TICK)) {
      work.add(TICK);
    }
  }

  private void drain(long at) {
    for (SessionEvent event = session.pollEvent(); event != null; event = session.pollEvent()) {
      if (event instanceof SessionEvent.Started) {
        SessionEvent.Started started = (SessionEvent.Started) event;
        up = new Up(started.peer, started.zero);
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

  /** A message came: it waits behind those before it (messages, section "Open calls"). */
  private void received(Message message, long at) {
    if (up == null) {
      return;
    }
    if (message.getReplyTo() != 0) {
      if (message.getBodyCase() == Message.BodyCase.CONFIRM_RESULT) {
        reports.answered(message.getReplyTo());
        work.add(new Work(up, message, null, null, null));
      }
      return;
    }
    boolean isSync = message.getBodyCase() == Message.BodyCase.SYNC;
    if (message.getCall() == 0) {
      return;
    }
    if (!up.isSynced && !isSync) {
      session.end(AlertCode.ALERT_CODE_UNEXPECTED_MESSAGE, at);
      return;
    }
    Set<Integer> waiting = new HashSet<>();
    for (Work item : work) {
      if (item.up == up && item.message.getReplyTo() == 0) {
        waiting.add(item.message.getCall());
      }
    }
    if (waiting.contains(message.getCall())) {
      return;
    }
    if (waiting.size() >= Limits.OPEN_CALLS_MAX) {
      session.end(AlertCode.ALERT_CODE_LIMIT, at);
      return;
    }
    up.isSynced |= isSync;
    work.add(new Work(up, message, null, null, null));
  }

  private void run(long at) {
    // What fell due since the latest input is not passed over, whatever came in now.
    if (flow.deadline(now) <= at) {
      queueTick();
    }
    now = at;
    finish();
    while (!isHalted && !work.isEmpty() && journal.book.isDurable()) {
      Work item = work.remove();
      Step step = new Step(at, journal.book.unix());
      if (item.isTick()) {
        flow.tick(step);
        carryOut(step, null, null);
      } else if (item.verdict != null) {
        flow.verdict(item.verdict, step);
        carryOut(step, null, null);
      } else if (item.code != null) {
        if (!flow.scan(item.channel, item.code, step)) {
          item.code.erase();
        }
        carryOut(step, null, null);
      } else if (item.up == up || item.message.getReplyTo() != 0) {
        // What HIS confirmed as its last word counts, also if its session ended right behind it.
        answer(item, step);
      }
    }
    report(at);
  }

  /** Makes the rows of a step durable, then does the rest: the answer first. */
  private void carryOut(Step step, Message reply, Up of) {
    if (!step.writes.isEmpty()) {
      try {
        journal.book.commit(Collections.<Book.Key, Long>emptyMap(), step.writes);
      } catch (BookFailed failed) {
        isHalted = true;
        session.isBusy = true;
        return;
      }
    }
    held = new Held(step, reply, of);
    finish();
  }

  /** Does what waited for the journal, if that is durable: the answer first (ORD-8). */
  private void finish() {
    if (held == null || !journal.book.isDurable()) {
      return;
    }
    Step step = held.step;
    if (held.reply != null && held.of == up) {
      send(held.reply, step.now);
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
    return up != null && up.isSynced && !isHalted && journal.book.isDurable();
  }

  private void report(long at) {
    if (!mayReport()) {
      return;
    }
    String orderNo = reports.next(flow.unanswered, at);
    PosOrder row = orderNo == null ? null : flow.row(orderNo);
    if (row == null || row.getResult().isEmpty()) {
      return;
    }
    ReportResult report =
        ReportResult.newBuilder()
            .setResult(row.getResult())
            .setSignature(row.getSignature())
            .setJournal(Bytes.field(journal.book.anchor()))
            .build();
    send(Message.newBuilder().setCall(reports.call()).setReportResult(report).build(), at);
    drain(at);
  }

  private void answer(Work item, Step step) {
    Message.Builder body = answers.answer(item.message, item.up.peer, item.up.zero, step);
    Message reply = body == null ? null : body.setReplyTo(item.message.getCall()).build();
    carryOut(step, reply, item.up);
  }
}
