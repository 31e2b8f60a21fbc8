package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.Vectors.Tally;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.Disposition;
import hispos.client.messages.Message;
import hispos.client.messages.PeerRow;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import hispos.client.messages.ResultCore;
import hispos.client.messages.SessionReady;
import hispos.client.messages.SiteRow;
import hispos.client.messages.SubmitOrder;
import hispos.client.messages.Sync;
import hispos.client.messages.SyncReply;
import hispos.client.messages.Table;
import hispos.client.messages.TerminalManifest;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Replays the messages in a session, at either end: what each says, what the receiver sends because
 * of it, and whether the session stands. The session is a real one, with an {@link OtherEnd}.
 */
final class MessageVectors {
  private static final Crypto CRYPTO = new BouncyCrypto();
  private static final long NOW = 1_010_000;

  private final JsonObject file;
  private final JsonObject site;

  private MessageVectors(JsonObject file) {
    this.file = file;
    this.site = Vectors.load("conversations.json").getAsJsonObject("site");
    file.getAsJsonObject("site").entrySet().forEach(item -> site.add(item.getKey(), item.getValue()));
  }

  static void messages(JsonObject file, Tally tally) {
    MessageVectors own = new MessageVectors(file);
    for (JsonObject one : Vectors.objects(file, "cases")) {
      boolean isOfRole = false;
      // only: his
      isOfRole |= text(one, "receiver").equals("his");
      // only: end
      // only: pos
      isOfRole |= text(one, "receiver").equals("pos");
      // only: end
      if (isOfRole) {
        tally.run(one, own::message);
      }
    }
  }

  private void message(JsonObject one) throws Exception {
    byte[] plaintext = hexes(one, "plaintext");
    Object said = null;
    try {
      said = Shown.of(Parsed.of(plaintext).message);
    } catch (InvalidProtocolBufferException error) {
      // The file has no `decoded` then.
    }
    same("decoded", Shown.json(one.get("decoded")), said);
    String state = text(one, "state");
    OtherEnd sender = sender(text(one, "receiver"), state, states().getAsJsonObject(state));
    sender.hear(NOW);
    same("it stands beforehand", true, sender.stands());
    sender.say(plaintext, NOW);
    List<Object> sent = new ArrayList<>();
    for (Message message : sender.hear(NOW)) {
      sent.add(derived(Shown.of(message)));
    }
    List<Object> wanted = new ArrayList<>();
    for (Object message : (List<?>) Shown.json(one.get("sent"))) {
      wanted.add(derived((Map<?, ?>) message));
    }
    same("sent", wanted, sent);
    same("stands", one.get("stands").getAsBoolean(), sender.stands());
  }

  private JsonObject states() {
    return file.getAsJsonObject("states");
  }

  private OtherEnd sender(String receiver, String name, JsonObject state) throws Exception {
    // only: his
    if (receiver.equals("his")) {
      return toHis(name, state);
    }
    // only: end
    // only: pos
    if (receiver.equals("pos")) {
      return toPos(name, state);
    }
    // only: end
    throw new AssertionError(receiver);
  }

  /** Leaves out what the file cannot tell: the anchor of the own book, the clock in a new result. */
  private static Map<Object, Object> derived(Map<?, ?> message) throws Exception {
    Map<Object, Object> left = new TreeMap<>(message);
    for (String name : List.of("confirm_result", "signed_result", "report_result")) {
      if (!(message.get(name) instanceof Map<?, ?> body)) {
        continue;
      }
      Map<Object, Object> rest = new TreeMap<>(body);
      rest.remove("ledger");
      if (rest.get("result") != null) {
        byte[] result = hexes((String) rest.get("result"));
        rest = new TreeMap<>(Shown.of(ResultCore.parseFrom(result).toBuilder().clearDecidedAt().build()));
      }
      left.put(name, rest);
    }
    return left;
  }

  private Agreement agreement() throws Exception {
    return Agreement.parseFrom(hexes(site, "agreement"));
  }

  private Terms terms() throws Exception {
    return new Terms(Hashes.sha256(hexes(site, "agreement")), agreement());
  }

  private End terminal() throws Exception {
    Registry known = Manifests.registry(DeviceManifest.parseFrom(hexes(site, "device_manifest")));
    return new End(CRYPTO, text(site, "terminal_id"), hexes(site, "terminal_seed"), known);
  }

  private End device() throws Exception {
    Registry known = Manifests.registry(TerminalManifest.parseFrom(hexes(site, "terminal_manifest")));
    return new End(CRYPTO, text(site, "device_id"), hexes(site, "device_seed"), known);
  }

  private long unix() {
    return site.get("unix").getAsLong();
  }

  private static byte[] optional(JsonObject from, String name) {
    JsonElement found = from.get(name);
    return found.isJsonNull() ? Bytes.NONE : hexes(found.getAsString());
  }

  // only: his
  private OtherEnd toHis(String name, JsonObject state) throws Exception {
    byte[] seen = optional(state, "ledger_seen");
    byte[] bookId = Bytes.part(seen.length == 0 ? Bytes.unhex("e723e17f3ee6c156") : seen, 0, 8);
    Book book = new Book(new BookVectors.Memory(), this::unix);
    book.begin(bookId);
    Batch batch = new Batch(book);
    SiteRow row = SiteRow.newBuilder().setSearchUntil(1).build();
    batch.put(Table.TABLE_SITE, text(site, "site_id"), row);
    batch.commit();
    DeviceManifest devices = DeviceManifest.parseFrom(hexes(site, "device_manifest"));
    Agreements.Signed agreed = new Agreements.Signed(agreement(), terms().hash);
    Site own = new Site(List.of(agreed), devices, hexes(site, "site_secret"));
    Ledger ledger = new Ledger(book, own, CRYPTO, bookId);
    ledger.beginRun(NOW);
    String deviceId = text(site, "device_id");
    HisLink link = new HisLink(ledger, terminal(), deviceId, OtherEnd.draw(1));
    long zero = NOW - state.get("session_ms").getAsLong();
    OtherEnd pos = OtherEnd.pos(link, device(), List.of(terms()), zero);
    SessionReady ready =
        SessionReady.newBuilder().setRun(Bytes.field(hexes(state, "run"))).setSimulated(true).build();
    pos.say(Message.newBuilder().setReady(ready).build(), zero);
    int call = pos.hear(zero).get(0).getCall();
    SyncReply reply = SyncReply.newBuilder().setJournal(Bytes.field(hexes(state, "journal"))).build();
    pos.say(Message.newBuilder().setReplyTo(call).setSyncReply(reply).build(), NOW);
    if (name.equals("sent")) {
      String orderNo = link.collect("bill-2026-0001", 8800, NOW);
      same("the order", text(file, "sent_order"), Bytes.hex(Bytes.of(ledger.order(orderNo).getCore())));
    }
    return pos;
  }

  // only: end
  // only: pos
  private OtherEnd toPos(String name, JsonObject state) throws Exception {
    long zero = NOW - state.get("session_ms").getAsLong();
    Book book = new Book(new BookVectors.Memory(), this::unix);
    byte[] anchor = hexes(state, "journal");
    JsonObject order = name.equals("paid") || name.equals("waiting") ? state.getAsJsonObject("order") : null;
    boolean isWaiting = order != null && order.get("result").isJsonNull();
    long last = Bytes.number(anchor, 8, 8) - (isWaiting ? 1 : 0);
    Journal journal = journal(book, state, isWaiting ? null : order, last);
    Agreement agreement = agreement();
    List<Merchant> merchants = new ArrayList<>();
    for (Channel channel : PosContext.CHANNELS) {
      merchants.add(PosContext.merchant(agreement, channel));
    }
    PosLink.Config config =
        new PosLink.Config(
            CRYPTO,
            text(site, "device_id"),
            hexes(site, "device_seed"),
            hexes(site, "boot"),
            text(site, "software"),
            List.of(new Agreements.Signed(agreement, terms().hash)),
            TerminalManifest.parseFrom(hexes(site, "terminal_manifest")),
            merchants);
    Draw later = OtherEnd.draw(2);
    Draw draw = length -> length == 4 ? hexes(state, "run") : later.draw(length);
    PosLink link = new PosLink(config, journal, draw, zero);
    link.setStorage(state.get("room").getAsBoolean());
    answerAll(link, state.get("verified").getAsBoolean(), zero);
    OtherEnd his = OtherEnd.his(link, terminal(), text(site, "device_id"), terms(), zero);
    if (!name.equals("committed")) {
      his.say(Message.newBuilder().setCall(1).setSync(Sync.getDefaultInstance()).build(), NOW);
    }
    if (isWaiting) {
      SubmitOrder submit =
          SubmitOrder.newBuilder()
              .setCore(Bytes.field(hexes(order, "core")))
              .setTerminalId(text(site, "terminal_id"))
              .setStartBy(order.get("start_by_ms").getAsInt() / 1000)
              .setRun(Bytes.field(hexes(state, "run")))
              .build();
      his.say(Message.newBuilder().setCall(2).setSubmitOrder(submit).build(), NOW);
      answerAll(link, true, NOW);
    }
    same("records of the journal", Bytes.number(anchor, 8, 8), book.seq());
    nameHead(book, anchor);
    return his;
  }

  /** A journal of so many records; the order's and the ledger's stand at their places. */
  private Journal journal(Book book, JsonObject state, JsonObject order, long last) throws Exception {
    Journal journal = new Journal(book, Bytes.part(hexes(state, "journal"), 0, 8));
    byte[] seen = optional(state, "ledger_seen");
    for (long seq = 2; seq <= last; seq++) {
      Batch batch = new Batch(book);
      if (seq == 2 && seen.length > 0) {
        PeerRow row = PeerRow.newBuilder().setAnchor(Bytes.field(seen)).build();
        batch.put(Table.TABLE_PEER, text(site, "site_id"), row);
      } else if (order != null && seq == state.get("order_seq").getAsLong()) {
        PosOrder row = ended(order, state);
        batch.put(Table.TABLE_ORDER, Orders.core(row.getCore()).getOrderNo(), row);
      } else {
        batch.put(Table.TABLE_PROGRAM, "x", SiteRow.newBuilder().setSearchUntil(1).build());
      }
      batch.commit();
    }
    return journal;
  }

  private PosOrder ended(JsonObject order, JsonObject state) {
    return PosOrder.newBuilder()
        .setCore(Bytes.field(hexes(order, "core")))
        .setRun(Bytes.field(hexes(state, "run")))
        .setBoot(Bytes.field(hexes(site, "boot")))
        .setState(PosState.POS_STATE_ENDED)
        .setResult(Bytes.field(hexes(order, "result")))
        .setSignature(Bytes.field(hexes(order, "signature")))
        .setAnswered(Disposition.DISPOSITION_RECORDED)
        .setRecorded(true)
        .build();
  }

  /** The platforms verify, if they are to, and know no number. */
  private static void answerAll(PosLink link, boolean isVerified, long now) {
    for (Ask ask = link.pollAsk(); ask != null; ask = link.pollAsk()) {
      boolean isVerify = ask.request == Ask.Request.VERIFY;
      Proof proof = Proof.of(isVerify ? Proof.Name.VERIFIED : Proof.Name.ABSENT);
      if (isVerified || !isVerify) {
        String code = isVerify ? "SUCCESS" : "ORDERNOTEXIST";
        link.verdict(new Verdict(ask.id, proof, code, 0, now, now, true), now);
      }
    }
  }

  /** Gives the latest record the head that an anchor of the file names. */
  @SuppressWarnings("unchecked")
  private static void nameHead(Book book, byte[] anchor) throws ReflectiveOperationException {
    Field heads = Book.class.getDeclaredField("heads");
    heads.setAccessible(true);
    byte[] head = Arrays.copyOf(Bytes.part(anchor, 16, 24), 32);
    ((List<byte[]>) heads.get(book)).set((int) book.seq() - 1, head);
  }
  // only: end
}
