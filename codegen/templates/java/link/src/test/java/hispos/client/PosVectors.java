package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.TerminalManifest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Replays the conversations of the POS whole: every frame and every question to a platform has to be
 * that of the file, and every anchor, so the journal's rows are the same bytes in the same order.
 */
final class PosVectors {
  private static final Crypto CRYPTO = new BouncyCrypto();
  private static final long BEGIN = 1_000_000;

  private final JsonObject site;
  private final JsonObject one;
  private final Deque<Deque<byte[]>> draws;
  private final SlowMemory storage;
  private PosLink link;
  private Journal journal;
  private long now = BEGIN;

  private PosVectors(JsonObject site, JsonObject one) {
    this.site = site;
    this.one = one;
    this.draws = SessionVectors.draws(one);
    this.storage = new SlowMemory(one);
  }

  static void play(JsonObject site, JsonObject one) throws Exception {
    new PosVectors(site, one).play();
  }

  private byte[] bookId() {
    for (JsonObject happening : objects(one, "happenings")) {
      if (happening.has("in") && happening.getAsJsonObject("in").has("loaded")) {
        JsonObject loaded = happening.getAsJsonObject("in").getAsJsonObject("loaded");
        return Bytes.part(hexes(loaded, "anchor"), 0, 8);
      }
    }
    throw new AssertionError("no anchor");
  }

  /** The file tells of each batch what became of it: the one that fails is found beforehand. */
  private void findFailure() {
    int batches = 0;
    for (JsonObject happening : objects(one, "happenings")) {
      if (happening.has("out") && happening.getAsJsonObject("out").has("persist")) {
        batches++;
      }
      if (happening.has("in") && happening.getAsJsonObject("in").has("persist_failed")) {
        // The book's own first record is a batch, too.
        storage.failsAt = batches;
      }
    }
  }

  private long unix() {
    return site.get("unix").getAsLong() + (now - BEGIN) / 1000;
  }

  private void start(JsonObject booted) throws Exception {
    List<byte[]> payloads = new ArrayList<>();
    if (one.has("agreements")) {
      for (JsonElement newer : one.getAsJsonArray("agreements")) {
        payloads.add(hexes(newer.getAsString()));
      }
    }
    payloads.add(hexes(site, "agreement"));
    TerminalManifest terminals = TerminalManifest.parseFrom(hexes(site, "terminal_manifest"));
    journal = new Journal(new Book(storage, this::unix), bookId());
    List<Agreements.Signed> agreements = new ArrayList<>();
    List<Merchant> merchants = new ArrayList<>();
    for (byte[] payload : payloads) {
      Agreement agreement = Agreement.parseFrom(payload);
      agreements.add(new Agreements.Signed(agreement, Hashes.sha256(payload)));
      for (Channel channel : PosContext.CHANNELS) {
        merchants.add(PosContext.merchant(agreement, channel));
      }
    }
    PosLink.Config config =
        new PosLink.Config(
            CRYPTO,
            text(site, "device_id"),
            hexes(site, "device_seed"),
            hexes(booted.has("boot") ? booted : site, "boot"),
            text(site, "software"),
            agreements,
            terminals,
            merchants);
    link = new PosLink(config, journal, new Draws(new ArrayList<>(draws.remove())), now);
  }

  private void play() throws Exception {
    findFailure();
    List<JsonObject> happenings = objects(one, "happenings");
    for (int at = 0; at < happenings.size(); at++) {
      JsonObject happening = happenings.get(at);
      now = happening.get("at").getAsLong();
      if (happening.has("out")) {
        compare(happening.getAsJsonObject("out"));
        continue;
      }
      JsonObject in = happening.getAsJsonObject("in");
      boolean isOfStore = in.has("persisted") || in.has("loaded") || in.has("persist_failed");
      if (link != null && !isOfStore) {
        nothingMore();
      }
      storage.arm(at);
      Map.Entry<String, JsonElement> entry = in.entrySet().iterator().next();
      boolean wasLate = entry.getKey().matches("loaded|persisted") && storage.release(at);
      if (wasLate) {
        storage.restamp(journal.book, unix());
      }
      if (entry.getKey().equals("start")) {
        start(entry.getValue().getAsJsonObject());
      } else {
        take(entry.getKey(), entry.getValue());
      }
      if (wasLate) {
        link.persisted(now);
      }
    }
    nothingMore();
  }

  private void nothingMore() {
    byte[] more = link.pollTransmit();
    same("what else goes out before " + now, null, more == null ? null : Bytes.hex(more));
    Ask ask = link.pollAsk();
    same("what else is asked before " + now, null, ask == null ? null : ask.request + " " + ask.number);
  }

  private void compare(JsonObject out) throws IOException {
    if (out.has("transmit")) {
      byte[] sent = link.pollTransmit();
      same("at " + now, Bytes.hex(hexes(out, "transmit")), sent == null ? null : Bytes.hex(sent));
    } else if (out.has("ask")) {
      JsonObject wanted = out.getAsJsonObject("ask");
      Ask ask = link.pollAsk();
      if (ask == null) {
        throw new AssertionError("at " + now + ": nothing is asked, the file has " + wanted);
      }
      same("id", wanted.get("id").getAsLong(), ask.id);
      same("channel", wanted.get("channel").getAsInt(), ask.merchant.channel.getNumber());
      Agreement agreement = Agreement.parseFrom(hexes(site, "agreement"));
      boolean isOfSite = ask.merchant.equals(PosContext.merchant(agreement, ask.merchant.channel));
      String account = wanted.has("merchant") ? text(wanted, "merchant") : null;
      same("merchant", account, isOfSite ? null : ask.merchant.account);
      same("request", text(wanted, "request"), ask.request.name().toLowerCase(Locale.ROOT));
      same("number", text(wanted, "number"), ask.number);
      same("total", wanted.get("total").getAsLong(), ask.total);
      same("refund", wanted.has("refund") ? text(wanted, "refund") : "", ask.refundNumber);
      same("fen", wanted.has("fen") ? wanted.get("fen").getAsLong() : 0L, ask.amount);
      Long notAfter = ask.notAfter == Long.MAX_VALUE ? null : ask.notAfter;
      same("not_after", number(wanted, "not_after"), notAfter);
      Long expiresAt = ask.request == Ask.Request.PAY ? ask.expiresAt : null;
      same("expires_at", number(wanted, "expires_at"), expiresAt);
    }
  }

  private static Long number(JsonObject from, String name) {
    JsonElement found = from.get(name);
    return found == null || found.isJsonNull() ? null : found.getAsLong();
  }

  private void take(String name, JsonElement value) throws Exception {
    switch (name) {
      case "opened":
        link.opened(now);
        break;
      case "bytes":
        link.feed(hexes(value.getAsString()), now);
        break;
      case "tick":
        link.onTimer(now);
        break;
      case "scan":
        JsonObject scanned = value.getAsJsonObject();
        Channel channel = Channel.forNumber(scanned.get("channel").getAsInt());
        try {
          link.scan(channel, new PaymentCode(text(scanned, "code").toCharArray()), now);
        } catch (Refusal refusal) {
          nothingMore();
        }
        break;
      case "verdict":
        link.verdict(verdict(value.getAsJsonObject()), now);
        break;
      case "close":
        link.close(now);
        break;
      case "persisted":
        String anchor = text(value.getAsJsonObject(), "anchor");
        same("anchor", anchor, Bytes.hex(journal.book.anchor()));
        break;
      default:
        break;
    }
  }

  static Verdict verdict(JsonObject said) {
    JsonObject proof = said.getAsJsonObject("proof");
    Proof.Name name = Proof.Name.valueOf(text(proof, "name").toUpperCase(Locale.ROOT));
    Long date = number(said, "date");
    return new Verdict(
        said.get("id").getAsLong(),
        proof(name, proof),
        text(said, "provider_code"),
        date == null ? 0 : date,
        number(said, "first_byte"),
        said.get("ended").getAsLong(),
        said.get("answered").getAsBoolean());
  }

  private static Proof proof(Proof.Name name, JsonObject said) {
    switch (name) {
      case CAPTURED:
      case MISMATCH:
        return Proof.money(name, capture(said));
      case CAPTURED_AND_REFUNDED:
        Long refunded = number(said, "refunded");
        return Proof.capturedAndRefunded(capture(said), refunded == null ? 0 : refunded);
      case REFUNDED:
        Long at = number(said, "at");
        String id = text(said, "refund_id");
        return Proof.refunded(id == null ? "" : id, at == null ? 0 : at);
      case NOT_REFUNDED:
        return Proof.notRefunded(said.get("closed").getAsBoolean());
      default:
        return Proof.of(name);
    }
  }

  private static Capture capture(JsonObject said) {
    Long at = number(said, "captured_at");
    long fen = said.get(said.has("fen") ? "fen" : "amount").getAsLong();
    return new Capture(text(said, "payment_no"), fen, at == null ? 0 : at);
  }
}
