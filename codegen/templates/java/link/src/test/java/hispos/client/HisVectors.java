package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import hispos.client.messages.Agreement;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.SiteRow;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * Replays the conversations of the HIS whole: every frame has to be that of the file, and every
 * anchor, so the ledger's rows are the same bytes in the same order.
 */
final class HisVectors {
  private static final Crypto CRYPTO = new BouncyCrypto();
  private static final long BEGIN = 1_000_000;

  private final JsonObject site;
  private final JsonObject one;
  private final Deque<Deque<byte[]>> draws;
  private final SlowMemory storage;
  private HisLink link;
  private Ledger ledger;
  private long now = BEGIN;

  private HisVectors(JsonObject site, JsonObject one) {
    this.site = site;
    this.one = one;
    this.draws = SessionVectors.draws(one);
    this.storage = new SlowMemory(one);
  }

  static void play(JsonObject site, JsonObject one) throws Exception {
    new HisVectors(site, one).play();
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

  private long unix() {
    return site.get("unix").getAsLong() + (now - BEGIN) / 1000;
  }

  private void start() throws Exception {
    byte[] payload = hexes(site, "agreement");
    Agreement agreement = Agreement.parseFrom(payload);
    JsonObject holder = one.has("device_manifest") ? one : site;
    DeviceManifest devices = DeviceManifest.parseFrom(hexes(holder, "device_manifest"));
    Book book = new Book(storage, this::unix);
    if (book.isNew()) {
      book.begin(bookId());
      writeFirstRows(book);
    }
    Agreements.Signed signed = new Agreements.Signed(agreement, Hashes.sha256(payload));
    Site of = new Site(List.of(signed), devices, hexes(site, "site_secret"));
    ledger = new Ledger(book, of, CRYPTO, bookId());
    ledger.beginRun(now);
    Registry known = Manifests.registry(devices);
    End end = new End(CRYPTO, text(site, "terminal_id"), hexes(site, "terminal_seed"), known);
    Draws own = new Draws(new ArrayList<>(draws.remove()));
    link = new HisLink(ledger, end, text(site, "device_id"), own);
  }

  private void writeFirstRows(Book book) {
    if (!one.has("ledger")) {
      SiteRow row = SiteRow.newBuilder().setSearchUntil(unix() - 518_400).build();
      Batch batch = new Batch(book);
      batch.put(Table.TABLE_SITE, text(site, "site_id"), row);
      batch.commit();
      return;
    }
    for (JsonObject row : objects(one, "ledger")) {
      Batch batch = new Batch(book);
      Table table = Table.forNumber(row.get("table").getAsInt());
      batch.put(table, text(row, "key"), Bytes.field(hexes(row, "row")));
      batch.commit();
    }
  }

  private void play() throws Exception {
    List<JsonObject> happenings = objects(one, "happenings");
    for (int at = 0; at < happenings.size(); at++) {
      JsonObject happening = happenings.get(at);
      now = happening.get("at").getAsLong();
      if (happening.has("out")) {
        JsonObject out = happening.getAsJsonObject("out");
        if (out.has("transmit") && link != null) {
          byte[] sent = link.pollTransmit();
          same("at " + now, Bytes.hex(hexes(out, "transmit")), sent == null ? null : Bytes.hex(sent));
        }
        continue;
      }
      JsonObject in = happening.getAsJsonObject("in");
      if (link != null && !in.has("persisted") && !in.has("loaded")) {
        byte[] more = link.pollTransmit();
        same("what else goes out before " + now, null, more == null ? null : Bytes.hex(more));
      }
      storage.arm(at);
      Map.Entry<String, JsonElement> entry = in.entrySet().iterator().next();
      boolean wasLate = entry.getKey().matches("loaded|persisted") && storage.release(at);
      if (wasLate) {
        storage.restamp(ledger.book, unix());
      }
      if (entry.getKey().equals("start")) {
        start();
      } else if (link != null) {
        take(entry.getKey(), entry.getValue(), isLastOf(happenings, at));
      }
      if (wasLate) {
        link.persisted(now);
      }
    }
  }

  private static boolean isLastOf(List<JsonObject> happenings, int at) {
    return happenings.stream()
        .skip(at + 1L)
        .noneMatch(one -> one.has("in") && one.getAsJsonObject("in").has("persisted"));
  }

  private void take(String name, JsonElement value, boolean isLast) throws Exception {
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
      case "collect":
        JsonObject wanted = value.getAsJsonObject();
        try {
          link.collect(text(wanted, "bill"), wanted.get("fen").getAsLong(), now);
        } catch (Refusal refused) {
          // Nothing is stored and nothing is sent.
        }
        break;
      case "refund":
        JsonObject back = value.getAsJsonObject();
        Refund refund =
            new Refund(
                text(back, "order_no"),
                back.get("fen").getAsLong(),
                text(back, "item"),
                text(back, "operator"),
                text(back, "approver"),
                text(back, "reason"));
        try {
          link.refund(refund, now);
        } catch (Refusal refused) {
          // Nothing is stored and nothing is sent.
        }
        break;
      case "cancel":
        link.cancel(text(value.getAsJsonObject(), "order_no"), now);
        break;
      case "close":
        link.close(now);
        break;
      case "persisted":
        byte[] anchor = hexes(value.getAsJsonObject(), "anchor");
        // Two transactions of the file may be one of this client; the last one is exact.
        if (isLast || ledger.book.containment(anchor) != Book.Containment.CONTAINED) {
          same("anchor", Bytes.hex(anchor), Bytes.hex(ledger.book.anchor()));
        }
        break;
      default:
        break;
    }
  }
}
