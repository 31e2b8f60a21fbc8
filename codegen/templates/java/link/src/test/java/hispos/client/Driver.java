package hispos.client;

import static hispos.client.Vectors.text;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.DecisionKind;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.TerminalManifest;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;

/**
 * The driver interface, version 1: the simulator of hispos lives this client's links, as HIS or as
 * POS. One JSON object comes on a line, and one goes back.
 */
public final class Driver {
  private static final long NEVER = 1L << 42;

  private final BufferedReader input = new BufferedReader(new InputStreamReader(System.in, UTF_8));
  private final PrintStream output = new PrintStream(System.out, false, UTF_8);
  private final List<Desk> desks = new ArrayList<>();
  private boolean isHis;

  // only: his
  private Ledger ledger;

  // only: end
  private JsonArray outs = new JsonArray();
  private long number;
  private Integer desk;
  private long now;
  private long unix;
  private long nextPersist = 1;

  /** The program was killed while it waited for its store: it begins with this line. */
  private static final class Restarted extends RuntimeException {
    private static final long serialVersionUID = 1L;
    final transient JsonObject line;

    Restarted(JsonObject line) {
      this.line = line;
    }
  }

  /** One link of the program. */
  private static final class Desk {
    final Link link;

    Desk(Link link) {
      this.link = link;
    }

    // only: his
    HisLink his() {
      return (HisLink) link;
    }

    // only: end
    // only: pos
    PosLink pos() {
      return (PosLink) link;
    }
    // only: end
  }

  /** Random bytes from the given stream. */
  private static final class Stream implements Draw {
    private final byte[] seed;
    private final Deque<Byte> left = new ArrayDeque<>();
    private long counter;

    Stream(byte[] seed) {
      this.seed = seed;
    }

    @Override
    public byte[] draw(int length) {
      byte[] drawn = new byte[length];
      for (int place = 0; place < length; place++) {
        if (left.isEmpty()) {
          for (byte octet : Hashes.sha256(seed, Bytes.number(counter++, 8))) {
            left.add(octet);
          }
        }
        drawn[place] = left.remove();
      }
      return drawn;
    }
  }

  /** The simulator's store: an append is answered by its next line. */
  private final class Store implements Storage {
    private final List<Stored> durable = new ArrayList<>();

    Store(JsonObject book) {
      for (JsonElement item : book.getAsJsonArray("records")) {
        JsonObject line = item.getAsJsonObject();
        durable.add(new Stored(hex(line, "record"), hex(line, "head")));
      }
    }

    @Override
    public List<Stored> load() {
      return new ArrayList<>(durable);
    }

    @Override
    public void append(List<Stored> batch) throws IOException {
      collect();
      JsonArray records = new JsonArray();
      for (Stored stored : batch) {
        JsonObject record = new JsonObject();
        record.addProperty("seq", durable.size() + records.size() + 1);
        record.addProperty("head", Bytes.hex(stored.head));
        record.addProperty("record", Bytes.hex(stored.record));
        records.add(record);
      }
      JsonObject persist = out("persist");
      persist.addProperty("id", nextPersist++);
      persist.add("records", records);
      answer(new JsonObject());
      JsonObject line = read();
      if (text(line, "do").equals("start")) {
        throw new Restarted(line);
      }
      take(line);
      if (!text(line, "do").equals("persisted")) {
        throw new IOException("it could not be stored");
      }
      durable.addAll(batch);
    }
  }

  private Driver() {}

  /** The program. */
  public static void main(String[] words) throws Exception {
    new Driver().run();
  }

  private void run() throws Exception {
    JsonObject line = read();
    while (true) {
      try {
        take(line);
        handle(line);
      } catch (Restarted restarted) {
        line = restarted.line;
        continue;
      }
      line = read();
    }
  }

  private JsonObject read() throws IOException {
    String text = input.readLine();
    JsonObject line = text == null ? null : JsonParser.parseString(text).getAsJsonObject();
    if (line == null || text(line, "do").equals("end")) {
      System.exit(0);
    }
    return line;
  }

  private void take(JsonObject line) {
    number = line.get("n").getAsLong();
    now = line.has("now") ? line.get("now").getAsLong() : now;
    boolean hasUnix = line.has("unix") && !line.get("unix").isJsonNull();
    unix = hasUnix ? line.get("unix").getAsLong() : 0;
  }

  private static byte[] hex(JsonObject from, String name) {
    return Bytes.unhex(text(from, name));
  }

  private JsonObject out(String is) {
    JsonObject made = new JsonObject();
    made.addProperty("is", is);
    if (desk != null) {
      made.addProperty("desk", desk);
    }
    outs.add(made);
    return made;
  }

  private void answer(JsonObject said) {
    said.addProperty("n", number);
    if (outs.size() > 0) {
      said.add("out", outs);
    }
    outs = new JsonArray();
    output.print(said);
    output.print('\n');
    output.flush();
  }

  private void handle(JsonObject line) throws Exception {
    JsonObject said = new JsonObject();
    desk = line.has("desk") ? line.get("desk").getAsInt() : null;
    String what = text(line, "do");
    try {
      if (what.equals("hello")) {
        hello(line, said);
      } else if (what.equals("start")) {
        desk = null;
        start(line);
      } else {
        input(what, line);
      }
      for (int place = 0; place < desks.size(); place++) {
        desk = place;
        collect();
      }
    } catch (Refusal refusal) {
      said.addProperty("refused", refusal.reason.name().toLowerCase(Locale.ROOT));
    } catch (BookFailed failed) {
      said.addProperty("halted", true);
    }
    // only: pos
    if (!isHis && !desks.isEmpty() && desks.get(0).pos().isHalted()) {
      said.addProperty("halted", true);
    }
    // only: end
    JsonArray ticks = new JsonArray();
    for (Desk one : desks) {
      long at = one.link.nextTimer();
      ticks.add(at >= NEVER ? JsonNull.INSTANCE : new com.google.gson.JsonPrimitive(Math.max(0, at)));
    }
    if (!what.equals("hello")) {
      said.add("ticks", ticks);
    }
    answer(said);
  }

  private void hello(JsonObject line, JsonObject said) {
    isHis = text(line, "role").equals("his");
    said.addProperty("driver", 1);
    said.addProperty("name", "hispos client in Java 0.1.0");
    said.addProperty("role", text(line, "role"));
    said.addProperty("book", "own");
    JsonArray can = new JsonArray();
    for (String command :
        isHis
            ? List.of(
                "collect",
                "refund",
                "cancel",
                "query",
                "look_up",
                "pull",
                "totals",
                "refresh",
                "posted",
                "adopt",
                "decide",
                "go_on_without")
            : List.of("scan")) {
      can.add(command);
    }
    said.add("can", can);
  }

  private void start(JsonObject line) throws Exception {
    desks.clear();
    List<Agreements.Signed> agreements = new ArrayList<>();
    for (JsonElement item : line.getAsJsonArray("agreements")) {
      byte[] payload = Bytes.unhex(item.getAsString());
      Agreement agreement = Agreement.parseFrom(payload);
      agreements.add(new Agreements.Signed(agreement, Hashes.sha256(payload)));
    }
    JsonObject stored = line.getAsJsonObject("book");
    Book book = new Book(new Store(stored), () -> unix);
    byte[] restored = line.has("restored") ? hex(line, "restored") : null;
    // only: his
    if (isHis) {
      startHis(line, agreements, book, restored);
    }
    // only: end
    // only: pos
    if (!isHis) {
      startPos(line, agreements, book, hex(stored, "id"), restored);
    }
    // only: end
  }

  // only: his
  private void startHis(
      JsonObject line, List<Agreements.Signed> agreements, Book book, byte[] restored)
      throws Exception {
    DeviceManifest devices = DeviceManifest.parseFrom(hex(line, "devices"));
    Site site = new Site(agreements, devices, hex(line, "site_secret"));
    Crypto crypto = new BouncyCrypto();
    if (restored != null) {
      Ledger.declareRestore(book, site, restored, now);
    }
    ledger = new Ledger(book, site, crypto, hex(line.getAsJsonObject("book"), "id"));
    ledger.beginRun(now);
    for (JsonElement item : line.getAsJsonArray("desks")) {
      JsonObject one = item.getAsJsonObject();
      Registry known = Manifests.registry(devices);
      End end = new End(crypto, text(one, "terminal_id"), hex(one, "seed"), known);
      Draw draw = new Stream(hex(one, "random"));
      desks.add(new Desk(new HisLink(ledger, end, text(one, "device_id"), draw)));
    }
  }

  // only: end
  // only: pos
  private void startPos(
      JsonObject line, List<Agreements.Signed> agreements, Book book, byte[] id, byte[] restored)
      throws Exception {
    Journal journal = new Journal(book, id);
    if (restored != null) {
      journal.restore(restored);
    }
    List<Merchant> merchants = new ArrayList<>();
    for (JsonObject one : Vectors.objects(line, "merchants")) {
      merchants.add(
          new Merchant(
              Channel.forNumber(one.get("channel").getAsInt()),
              text(one, "account"),
              text(one, "sub_account"),
              one.get("simulated").getAsBoolean()));
    }
    JsonObject one = line.getAsJsonArray("desks").get(0).getAsJsonObject();
    PosLink.Config config =
        new PosLink.Config(
            new BouncyCrypto(),
            text(one, "device_id"),
            hex(one, "seed"),
            hex(line, "boot"),
            text(line, "software"),
            agreements,
            TerminalManifest.parseFrom(hex(line, "terminals")),
            merchants);
    desk = 0;
    desks.add(new Desk(new PosLink(config, journal, new Stream(hex(one, "random")), now)));
  }

  // only: end
  private void input(String what, JsonObject line) throws Refusal {
    Desk one = desk == null ? null : desks.get(desk);
    switch (what) {
      case "opened":
        one.link.opened(now);
        break;
      case "closed":
        one.link.closed(now);
        break;
      case "bytes":
        one.link.feed(hex(line, "bytes"), now);
        break;
      case "tick":
        one.link.onTimer(now);
        break;
      // only: pos
      case "verdict":
        desk = 0;
        desks.get(0).pos().verdict(PosVectors.verdict(line), now);
        break;
      case "scan":
        desk = 0;
        Channel channel = Channel.forNumber(line.get("channel").getAsInt());
        PaymentCode code = new PaymentCode(text(line, "code").toCharArray());
        desks.get(0).pos().scan(channel, code, now);
        break;
      // only: end
      default:
        // only: his
        command(what, line);
        // only: end
        break;
    }
  }

  // only: his
  private void command(String what, JsonObject line) throws Refusal {
    switch (what) {
      case "collect":
        int day = line.get("business_day").getAsInt();
        long fen = line.get("fen").getAsLong();
        made(line, desks.get(desk).his().collect(text(line, "bill"), fen, day, now));
        break;
      case "refund":
        Refund wanted =
            new Refund(
                text(line, "order_no"),
                -line.get("fen").getAsLong(),
                text(line, "item"),
                text(line, "operator"),
                text(line, "approver"),
                text(line, "reason"));
        int refundDay = line.get("business_day").getAsInt();
        made(line, desks.get(desk).his().refund(wanted, refundDay, now));
        break;
      case "cancel":
        desks.get(desk).his().cancel(text(line, "order_no"), now);
        break;
      case "query":
        desks.get(desk).his().ask(text(line, "order_no"), now);
        break;
      case "look_up":
        desks.get(desk).his().lookUp(text(line, "order_no"), now);
        break;
      case "totals":
        desks.get(desk).his().totals(line.get("business_day").getAsInt(), now);
        break;
      case "pull":
        desks.get(desk).his().pull(now);
        break;
      case "posted":
        ledger.markPosted(text(line, "order_no"));
        break;
      case "adopt":
        new People(ledger).adopt(text(line, "order_no"), text(line, "bill"));
        decided(text(line, "order_no"));
        break;
      case "decide":
        String kind = "DECISION_KIND_" + text(line, "kind").toUpperCase(Locale.ROOT);
        new People(ledger)
            .decide(
                text(line, "order_no"),
                DecisionKind.valueOf(kind),
                text(line, "first"),
                text(line, "second"));
        decided(text(line, "order_no"));
        break;
      case "go_on_without":
        new People(ledger)
            .goOnWithout(text(line, "device_id"), text(line, "first"), text(line, "second"));
        break;
      default:
        break;
    }
  }

  /** The order may have ended, and what the links ask may have changed. */
  private void decided(String orderNo) {
    desk = 0;
    if (Ledger.hasEnded(ledger.order(orderNo))) {
      event("ended").addProperty("order_no", orderNo);
    }
    for (Desk one : desks) {
      one.link.onTimer(now);
    }
  }

  private void made(JsonObject line, String orderNo) {
    JsonObject event = event("made");
    event.addProperty("ticket", line.get("ticket").getAsLong());
    event.addProperty("order_no", orderNo);
  }

  // only: end
  private JsonObject event(String name) {
    JsonObject event = out("event");
    event.addProperty("event", name);
    return event;
  }

  /** Takes what the present desk's link has to say, in order. */
  private void collect() {
    if (desk == null || desk >= desks.size()) {
      return;
    }
    Link link = desks.get(desk).link;
    for (byte[] data = link.pollTransmit(); data != null; data = link.pollTransmit()) {
      out("transmit").addProperty("bytes", Bytes.hex(data));
    }
    // only: pos
    if (link instanceof PosLink) {
      PosLink pos = (PosLink) link;
      for (Ask ask = pos.pollAsk(); ask != null; ask = pos.pollAsk()) {
        ask(ask);
      }
    }
    // only: end
    for (LinkEvent event = link.pollEvent(); event != null; event = link.pollEvent()) {
      tell(event);
    }
  }

  // only: pos
  private void ask(Ask ask) {
    JsonObject said = out("ask");
    said.addProperty("id", ask.id);
    said.addProperty("channel", ask.merchant.channel.getNumber());
    said.addProperty("request", ask.request.name().toLowerCase(Locale.ROOT));
    said.addProperty("total", ask.total);
    said.addProperty("account", ask.merchant.account);
    said.addProperty("sub_account", ask.merchant.subAccount);
    said.addProperty("http_ms", ask.httpMs);
    said.addProperty("connect_ms", ask.connectMs);
    if (!ask.number.isEmpty()) {
      said.addProperty("number", ask.number);
    }
    if (ask.code != null) {
      said.addProperty("code", new String(ask.code.digits()));
      said.addProperty("expires_at", ask.expiresAt);
      ask.code.erase();
    }
    if (!ask.refundNumber.isEmpty()) {
      said.addProperty("refund_number", ask.refundNumber);
      said.addProperty("fen", ask.amount);
    }
    if (ask.notAfter != Long.MAX_VALUE) {
      said.addProperty("not_after", ask.notAfter);
    }
  }

  // only: end
  private void tell(LinkEvent event) {
    if (event instanceof LinkEvent.OrderEnded) {
      event("ended").addProperty("order_no", ((LinkEvent.OrderEnded) event).orderNo);
    } else if (event instanceof LinkEvent.Accepted) {
      LinkEvent.Accepted accepted = (LinkEvent.Accepted) event;
      JsonObject said = event("accepted");
      said.addProperty("order_no", accepted.orderNo);
      said.addProperty("amount", accepted.amount);
    } else if (event instanceof LinkEvent.Alarmed) {
      Alarm alarm = ((LinkEvent.Alarmed) event).alarm;
      JsonObject said = event("alarm");
      said.addProperty("alarm", alarm.kind.name().toLowerCase(Locale.ROOT));
      if (!alarm.orderNo.isEmpty()) {
        said.addProperty("order_no", alarm.orderNo);
      }
    } else if (event instanceof LinkEvent.Ready) {
      event("ready");
    } else if (event instanceof LinkEvent.Pulled) {
      event("pulled");
    } else {
      event(isHis ? "notice" : "progress").addProperty("text", event.toString());
    }
  }
}
