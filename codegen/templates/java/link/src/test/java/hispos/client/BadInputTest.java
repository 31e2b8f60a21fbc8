package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.text;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.BillRow;
import hispos.client.messages.FileKind;
import hispos.client.messages.SignedFile;
import hispos.client.messages.Table;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/** Every truncation and every flipped bit, at each decoder: its own refusal, or what was sent. */
public class BadInputTest {
  private static final Crypto CRYPTO = new BouncyCrypto();

  @Rule public TemporaryFolder folder = new TemporaryFolder();

  /** A second decoder of streams, by the chapter: outcomes as text. */
  private static List<String> reference(byte[] stream, Side receiver) {
    List<String> found = new ArrayList<>();
    ByteArrayOutputStream run = new ByteArrayOutputStream();
    for (byte octet : stream) {
      if (octet != 0) {
        run.write(octet);
      } else if (run.size() > 0) {
        found.add(outcome(run.toByteArray(), receiver));
        run.reset();
      }
    }
    return found;
  }

  private static String outcome(byte[] run, Side receiver) {
    ByteArrayOutputStream plain = new ByteArrayOutputStream();
    for (int at = 0; at < run.length; ) {
      int code = run[at] & 0xFF;
      if (at + code > run.length) {
        return "cobs";
      }
      plain.write(run, at + 1, code - 1);
      at += code;
      if (code < 255 && at < run.length) {
        plain.write(0);
      }
    }
    byte[] frame = plain.toByteArray();
    if (frame.length < 5) {
      return "short";
    }
    CRC32C crc = new CRC32C();
    crc.update(frame, 0, frame.length - 4);
    if (Bytes.number(frame, frame.length - 4, 4) != crc.getValue()) {
      return "crc";
    }
    int kind = frame[0] & 0xFF;
    if (!List.of(0x01, 0x02, 0x03, 0x0F, 0x10, 0x11).contains(kind)) {
      return "type";
    }
    boolean isOfHis = kind == 0x01 || kind == 0x03 || kind == 0x10;
    if (kind != 0x0F && isOfHis == (receiver == Side.HIS)) {
      return "echo";
    }
    return kind + " " + Bytes.hex(Bytes.part(frame, 1, frame.length - 4));
  }

  private static List<String> decoded(Frames decoder, byte[] stream) {
    List<String> found = new ArrayList<>();
    for (Frame frame : decoder.feed(stream)) {
      found.add(frame.drop != null ? frame.drop : frame.kind + " " + Bytes.hex(frame.body));
    }
    return found;
  }

  @Test
  public void aDamagedFrameIsDroppedByItsNameAndTheNextOneArrives() {
    byte[] next = Frames.encode(Frame.PLAIN_ALERT, new byte[] {91, 1, 2, 3, 4});
    String arrived = Frame.PLAIN_ALERT + " 5b01020304";
    for (int length : new int[] {0, 1, 5, 22, 85, 249, 253, 254, 255, 257, 1045}) {
      byte[] body = new byte[length];
      for (int at = 0; at < length; at++) {
        body[at] = (byte) (length % 2 == 0 && at % 11 == 3 ? 0 : at % 255 + 1);
      }
      for (Side receiver : Side.values()) {
        byte[] good = Frames.encode(receiver.other().record(), body);
        String sent = receiver.other().record() + " " + Bytes.hex(body);
        Damage.of(
            good,
            damaged -> {
              byte[] stream = Bytes.concat(damaged, new byte[1], next);
              List<String> found = decoded(new Frames(receiver), stream);
              assertEquals(reference(stream, receiver), found);
              assertEquals(arrived, found.get(found.size() - 1));
              for (String outcome : found.subList(0, found.size() - 1)) {
                assertTrue("another frame", !outcome.contains(" ") || outcome.equals(sent));
              }
            });
      }
    }
  }

  @Test
  public void sixtyFourMebibytesWithoutADelimiterAreOneDrop() {
    Frames decoder = new Frames(Side.POS);
    byte[] noise = new byte[1 << 20];
    Arrays.fill(noise, (byte) 0x55);
    List<String> found = new ArrayList<>();
    for (int piece = 0; piece < 64; piece++) {
      found.addAll(decoded(decoder, noise));
    }
    assertEquals(List.of("long"), found);
    byte[] good = Frames.encode(Frame.RECORD_HIS, new byte[] {7});
    assertEquals(List.of("16 07"), decoded(decoder, Bytes.concat(new byte[1], good)));
  }

  @Test
  public void aDamagedStrictMessageIsRefusedOrIsTheOneEncodingOfAnother() throws Exception {
    Map<String, Integer> seen = new HashMap<>();
    int count = 0;
    for (JsonObject one : objects(Vectors.load("validator.json"), "cases")) {
      String message = text(one, "message");
      byte[] data = hexes(one, "bytes");
      boolean isGood = one.get("step").getAsInt() == 0 && data.length <= 700;
      if (!isGood || seen.merge(message, 1, Integer::sum) > 2) {
        continue;
      }
      count +=
          Damage.of(
              data,
              damaged -> {
                if (Canonical.failingStep(message, damaged) == 0) {
                  byte[] again = LinkVectors.parser(message).parseFrom(damaged).toByteArray();
                  assertArrayEquals(message, damaged, again);
                }
              });
    }
    assertTrue("" + count, count > 5000);
  }

  @Test
  public void aDamagedPlaintextIsAMessageOrNone() throws Exception {
    int count = 0;
    for (JsonObject one : objects(Vectors.load("messages.json"), "cases")) {
      byte[] data = hexes(one, "plaintext");
      if (data.length < 400) {
        count +=
            Damage.of(
                data,
                damaged -> {
                  try {
                    Parsed.of(damaged);
                  } catch (InvalidProtocolBufferException error) {
                    return;
                  }
                });
      }
    }
    assertTrue("" + count, count > 5000);
  }

  private static List<byte[]> goodOnes(String about, String member, int most) {
    List<byte[]> found = new ArrayList<>();
    for (JsonObject one : objects(Vectors.load("orders.json"), "cases")) {
      boolean isOne = text(one, "about").equals(about) && text(one, "result").equals("valid");
      if (isOne && found.size() < most) {
        found.add(hexes(one, member));
      }
    }
    return found;
  }

  @Test
  public void aDamagedOrderIsMalformedOrTheOneEncodingOfAnother() {
    for (byte[] good : goodOnes("core", "core", 8)) {
      Damage.of(
          good,
          damaged -> {
            try {
              assertArrayEquals(damaged, Orders.readCore(damaged).toByteArray());
            } catch (Malformed error) {
              assertTrue("" + error.code, List.of(501, 504).contains(error.code.getNumber()));
            }
          });
    }
  }

  @Test
  public void aDamagedResultIsNoneAndNoDeviceSignedIt() {
    byte[] seed = new byte[32];
    byte[] key = CRYPTO.ed25519Public(seed);
    for (byte[] good : goodOnes("result", "result_core", 3)) {
      byte[] signature = Orders.sign(CRYPTO, seed, good);
      assertTrue(Orders.isSignedBy(CRYPTO, key, good, signature));
      Damage.of(
          good,
          damaged -> {
            assertFalse("signed", Orders.isSignedBy(CRYPTO, key, damaged, signature));
            try {
              assertArrayEquals(damaged, Orders.readResult(damaged).toByteArray());
            } catch (NoResult error) {
              assertTrue(error.requirement, error.requirement.matches("ENC-2|ORD-4[2-5]"));
            }
          });
      Damage.of(
          signature,
          damaged -> assertFalse("signed", Orders.isSignedBy(CRYPTO, key, good, damaged)));
    }
  }

  /** The payload of a file that is taken over, or null. */
  private static byte[] taken(JsonObject one, byte[] data) throws Exception {
    FileKind wanted = FileKind.forNumber(one.get("wanted").getAsInt());
    try {
      if (wanted == FileKind.FILE_KIND_AGREEMENT) {
        Agreements.read(CRYPTO, data);
        return Bytes.of(SignedFile.parseFrom(data).getPayload());
      }
      boolean isDevices = wanted == FileKind.FILE_KIND_DEVICE_MANIFEST;
      byte[] organisation = hexes(one, isDevices ? "pos_organisation" : "his_organisation");
      return Manifests.verify(CRYPTO, data, wanted, organisation, text(one, "site_id"));
    } catch (FileRefused refused) {
      assertTrue(refused.requirement, refused.requirement.matches("PRV-[0-9]+"));
      return null;
    }
  }

  @Test
  public void nothingOfADamagedSignedFileIsTakenOver() throws Exception {
    int count = 0;
    for (JsonObject one : objects(Vectors.load("signed_files.json"), "cases")) {
      boolean isGood = text(one, "about").equals("file") && text(one, "result").equals("valid");
      if (!isGood) {
        continue;
      }
      byte[] good = hexes(one, "file");
      byte[] payload = taken(one, good);
      SignedFile file = SignedFile.parseFrom(good);
      boolean isAgreement = file.getKind() == FileKind.FILE_KIND_AGREEMENT;
      boolean hasMore = file.getSignaturesCount() > (isAgreement ? 2 : 1);
      count++;
      Damage.of(
          good,
          damaged -> {
            byte[] found = taken(one, damaged);
            // A signature that nobody needs may be any; what is signed may not.
            boolean mayBe = hasMore && Arrays.equals(payload, found);
            assertTrue(text(one, "comment") + " is taken over", found == null || mayBe);
          });
    }
    assertEquals(43, count);
  }

  @Test
  public void nothingOfADamagedArmourIsTakenOver() {
    Map<String, JsonObject> signed = new HashMap<>();
    int count = 0;
    for (JsonObject one : objects(Vectors.load("signed_files.json"), "cases")) {
      if (text(one, "about").equals("file")) {
        signed.put(text(one, "file"), one);
      } else if (text(one, "comment").equals("as written")) {
        byte[] file = hexes(one, "file");
        JsonObject known = signed.get(text(one, "file"));
        count++;
        Damage.of(
            text(one, "text").getBytes(ISO_8859_1),
            damaged -> {
              try {
                byte[] found = SignedFiles.readArmour(new String(damaged, ISO_8859_1));
                boolean isSame = Arrays.equals(file, found);
                assertTrue("it is taken over", isSame || taken(known, found) == null);
              } catch (FileRefused refused) {
                assertTrue(refused.requirement, refused.requirement.matches("PRV-1[1-8]"));
              }
            });
      }
    }
    assertEquals(3, count);
  }

  @Test
  public void aDamagedBookFileIsBrokenOrHasLostItsEndAlone() throws Exception {
    File path = new File(folder.getRoot(), "book.jsonl");
    List<Stored> whole;
    try (FileStorage storage = new FileStorage(path)) {
      Book book = new Book(storage, () -> 1);
      book.begin(new byte[] {0, 1, 2, 3, 4, 5, 6, 7});
      Batch batch = new Batch(book);
      batch.put(Table.TABLE_BILL, "A", BillRow.newBuilder().setOrders(1).build());
      batch.put(Table.TABLE_BILL, "B", BillRow.newBuilder().setOrders(2).build());
      batch.commit();
      whole = storage.load();
    }
    byte[] good = Files.readAllBytes(path.toPath());
    Damage.of(
        good,
        damaged -> {
          Files.write(path.toPath(), damaged);
          try (FileStorage storage = new FileStorage(path)) {
            new Book(storage, () -> 1);
            List<Stored> found = storage.load();
            assertTrue("half a batch", List.of(0, 1, 3).contains(found.size()));
            for (int place = 0; place < found.size(); place++) {
              assertArrayEquals(whole.get(place).record, found.get(place).record);
              assertArrayEquals(whole.get(place).head, found.get(place).head);
            }
          } catch (Broken broken) {
            assertTrue(broken.reason, broken.seq >= 1 && broken.seq <= 3);
          }
        });
  }

  // only: pos
  @Test
  public void aDamagedPaymentCodeIsOneOrIsRefusedByName() {
    for (String good : List.of("134567890123456789", "281234567890123456")) {
      Damage.of(
          good.getBytes(US_ASCII),
          damaged -> {
            Scan scan = Scan.of(new String(damaged, ISO_8859_1));
            assertEquals(scan.refused == null, scan.code != null);
            assertEquals(scan.refused == null, scan.channel != null);
          });
    }
  }
  // only: end
}
