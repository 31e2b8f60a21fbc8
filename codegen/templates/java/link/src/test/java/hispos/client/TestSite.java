package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.text;

import com.google.gson.JsonObject;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.TerminalManifest;
import java.util.ArrayList;
import java.util.List;

/** The site of the vectors' conversations: what its two ends are made of, and links of them. */
final class TestSite {
  static final Crypto CRYPTO = new BouncyCrypto();

  final JsonObject facts;
  final String siteId;
  final String terminalId;
  final String deviceId;
  final Terms terms;
  final Agreement agreement;

  TestSite() throws Exception {
    this(new JsonObject());
  }

  /** The same with some facts in place of others. */
  TestSite(JsonObject others) throws Exception {
    facts = Vectors.load("conversations.json").getAsJsonObject("site");
    others.entrySet().forEach(one -> facts.add(one.getKey(), one.getValue()));
    siteId = text(facts, "site_id");
    terminalId = text(facts, "terminal_id");
    deviceId = text(facts, "device_id");
    agreement = Agreement.parseFrom(hexes(facts, "agreement"));
    terms = new Terms(Hashes.sha256(hexes(facts, "agreement")), agreement);
  }

  long unix() {
    return facts.get("unix").getAsLong();
  }

  Book book() throws Exception {
    return new Book(new BookVectors.Memory(), this::unix);
  }

  DeviceManifest devices() throws Exception {
    return DeviceManifest.parseFrom(hexes(facts, "device_manifest"));
  }

  TerminalManifest terminals() throws Exception {
    return TerminalManifest.parseFrom(hexes(facts, "terminal_manifest"));
  }

  /** The terminal's end of a key exchange. */
  End terminal() throws Exception {
    Registry known = Manifests.registry(devices());
    return new End(CRYPTO, terminalId, hexes(facts, "terminal_seed"), known);
  }

  /** The device's end. */
  End device() throws Exception {
    Registry known = Manifests.registry(terminals());
    return new End(CRYPTO, deviceId, hexes(facts, "device_seed"), known);
  }

  // only: his
  /** A HIS with this book, which has its site row or nothing at all. */
  HisLink his(Book book, byte[] bookId, long now) throws Exception {
    Agreements.Signed agreed = new Agreements.Signed(agreement, terms.hash);
    Site site = new Site(List.of(agreed), devices(), hexes(facts, "site_secret"));
    Ledger ledger = new Ledger(book, site, CRYPTO, bookId);
    ledger.beginRun(now);
    return new HisLink(ledger, terminal(), deviceId, OtherEnd.draw(1));
  }

  // only: end
  // only: pos
  /** A POS with this journal, in a run. */
  PosLink pos(Journal journal, byte[] run, long now) throws Exception {
    List<Merchant> merchants = new ArrayList<>();
    for (Channel channel : PosContext.CHANNELS) {
      merchants.add(PosContext.merchant(agreement, channel));
    }
    PosLink.Config config =
        new PosLink.Config(
            CRYPTO,
            deviceId,
            hexes(facts, "device_seed"),
            hexes(facts, "boot"),
            text(facts, "software"),
            List.of(new Agreements.Signed(agreement, terms.hash)),
            terminals(),
            merchants);
    Draw later = OtherEnd.draw(2);
    Draw draw = length -> length == run.length ? run.clone() : later.draw(length);
    return new PosLink(config, journal, draw, now);
  }
  // only: end
}
