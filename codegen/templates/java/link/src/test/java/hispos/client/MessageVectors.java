package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.Vectors.Tally;
import hispos.client.messages.Disposition;
import hispos.client.messages.Message;
import hispos.client.messages.PeerRow;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import hispos.client.messages.ResultCore;
import hispos.client.messages.SiteRow;
import hispos.client.messages.SubmitOrder;
import hispos.client.messages.Sync;
import hispos.client.messages.Table;
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
  private static final long NOW = 1_010_000;

  private final JsonObject file;
  private final TestSite site;

  private MessageVectors(JsonObject file) throws Exception {
    this.file = file;
    this.site = new TestSite(file.getAsJsonObject("site"));
  }

  static void messages(JsonObject file, Tally tally) {
    for (JsonObject one : Vectors.objects(file, "cases")) {
      boolean isOfRole = false;
      // only: his
      isOfRole |= text(one, "receiver").equals("his");
      // only: end
      // only: pos
      isOfRole |= text(one, "receiver").equals("pos");
      // only: end
      if (isOfRole) {
        tally.run(one, it -> new MessageVectors(file).message(it));
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

  private static byte[] optional(JsonObject from, String name) {
    JsonElement found = from.get(name);
    return found.isJsonNull() ? Bytes.NONE : hexes(found.getAsString());
  }

  // only: his
  private OtherEnd toHis(String name, JsonObject state) throws Exception {
    byte[] seen = optional(state, "ledger_seen");
    byte[] bookId = Bytes.part(seen.length == 0 ? Bytes.unhex("e723e17f3ee6c156") : seen, 0, 8);
    Book book = site.book();
    book.begin(bookId);
    Batch batch = new Batch(book);
    batch.put(Table.TABLE_SITE, site.siteId, SiteRow.newBuilder().setSearchUntil(1).build());
    batch.commit();
    HisLink link = site.his(book, bookId, NOW);
    long zero = NOW - state.get("session_ms").getAsLong();
    OtherEnd pos = OtherEnd.pos(link, site, zero);
    pos.greet(hexes(state, "run"), hexes(state, "journal"), zero, NOW);
    if (name.equals("sent")) {
      link.collect("bill-2026-0001", 8800, NOW);
      byte[] core = null;
      for (Message message : pos.hear(NOW)) {
        core = message.hasSubmitOrder() ? Bytes.of(message.getSubmitOrder().getCore()) : core;
      }
      same("the order", text(file, "sent_order"), Bytes.hex(core));
    }
    return pos;
  }

  // only: end
  // only: pos
  private OtherEnd toPos(String name, JsonObject state) throws Exception {
    long zero = NOW - state.get("session_ms").getAsLong();
    byte[] anchor = hexes(state, "journal");
    JsonElement order = state.get("order");
    boolean isWaiting = order.isJsonObject() && order.getAsJsonObject().get("result").isJsonNull();
    PosOrder ended = order.isJsonObject() && !isWaiting ? ended(order.getAsJsonObject(), state) : null;
    Book book = site.book();
    Journal journal = journal(book, state, ended, Bytes.number(anchor, 8, 8) - (isWaiting ? 1 : 0));
    PosLink link = site.pos(journal, hexes(state, "run"), zero);
    link.setStorage(state.get("room").getAsBoolean());
    answerAll(link, state.get("verified").getAsBoolean(), zero);
    OtherEnd his = OtherEnd.his(link, site, zero);
    if (!name.equals("committed")) {
      his.say(Message.newBuilder().setCall(1).setSync(Sync.getDefaultInstance()).build(), NOW);
    }
    if (isWaiting) {
      SubmitOrder submit =
          SubmitOrder.newBuilder()
              .setCore(Bytes.field(hexes(order.getAsJsonObject(), "core")))
              .setTerminalId(site.terminalId)
              .setStartBy(order.getAsJsonObject().get("start_by_ms").getAsInt() / 1000)
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
  private Journal journal(Book book, JsonObject state, PosOrder order, long last) {
    Journal journal = new Journal(book, Bytes.part(hexes(state, "journal"), 0, 8));
    byte[] seen = optional(state, "ledger_seen");
    for (long seq = 2; seq <= last; seq++) {
      Batch batch = new Batch(book);
      if (seq == 2 && seen.length > 0) {
        PeerRow row = PeerRow.newBuilder().setAnchor(Bytes.field(seen)).build();
        batch.put(Table.TABLE_PEER, site.siteId, row);
      } else if (order != null && seq == state.get("order_seq").getAsLong()) {
        batch.put(Table.TABLE_ORDER, Orders.core(order.getCore()).getOrderNo(), order);
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
        .setBoot(Bytes.field(hexes(site.facts, "boot")))
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
