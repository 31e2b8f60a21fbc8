package hispos.client;

import static hispos.client.Vectors.hexes;
import static hispos.client.Vectors.objects;
import static hispos.client.Vectors.text;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.FileKind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** Every truncation and every flipped bit, at each decoder: a clear refusal, or what was sent. */
public class BadInputTest {
  private interface Decoder {
    void decode(byte[] data) throws Exception;
  }

  /** Gives a decoder every damage of some bytes; it may throw what its contract names, or nothing. */
  private static int damage(byte[] good, Decoder decoder) throws Exception {
    int count = 0;
    for (int length = 0; length < good.length; length++) {
      decoder.decode(Bytes.part(good, 0, length));
      count++;
    }
    for (int bit = 0; bit < 8 * good.length; bit++) {
      byte[] flipped = good.clone();
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
      decoder.decode(flipped);
      count++;
    }
    return count;
  }

  @Test
  public void aDamagedStrictMessageIsRefusedOrIsTheOneEncodingOfAnother() throws Exception {
    Map<String, Integer> seen = new HashMap<>();
    int count = 0;
    for (JsonObject one : objects(Vectors.load("validator.json"), "cases")) {
      String message = text(one, "message");
      byte[] data = hexes(one, "bytes");
      if (one.get("step").getAsInt() != 0 || data.length > 700 || seen.merge(message, 1, Integer::sum) > 2) {
        continue;
      }
      count +=
          damage(
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
  public void aDamagedFrameGivesNoOtherFrame() throws Exception {
    byte[] body = new byte[300];
    for (int at = 0; at < body.length; at++) {
      body[at] = (byte) (at * 7 % 256);
    }
    byte[] good = Frames.encode(Frame.M2, body);
    damage(
        good,
        damaged -> {
          for (Frame found : new Frames(Side.HIS).feed(Bytes.concat(damaged, new byte[1]))) {
            boolean isOther = found.drop == null && !found.is(Frame.M2, body);
            assertFalse("another frame", isOther);
          }
        });
  }

  @Test
  public void aDamagedPlaintextIsAMessageOrADecodeError() throws Exception {
    int count = 0;
    for (JsonObject one : objects(Vectors.load("messages.json"), "cases")) {
      byte[] data = hexes(one, "plaintext");
      if (data.length < 400) {
        count +=
            damage(
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

  @Test
  public void aDamagedOrderOrResultIsRefusedOrWhole() throws Exception {
    Map<String, Integer> seen = new HashMap<>();
    for (JsonObject one : objects(Vectors.load("orders.json"), "cases")) {
      String about = text(one, "about");
      boolean isCore = about.equals("core");
      boolean isOne = text(one, "result").equals("valid") && (isCore || about.equals("result"));
      if (!isOne || seen.merge(about, 1, Integer::sum) > 4) {
        continue;
      }
      damage(
          hexes(one, isCore ? "core" : "result_core"),
          damaged -> {
            try {
              if (isCore) {
                Orders.readCore(damaged);
              } else {
                Orders.readResult(damaged);
              }
            } catch (Malformed | NoResult error) {
              return;
            }
          });
    }
  }

  @Test
  public void aDamagedSignedFileIsRefused() throws Exception {
    Crypto crypto = new BouncyCrypto();
    for (JsonObject one : objects(Vectors.load("signed_files.json"), "cases")) {
      boolean isAgreement =
          text(one, "about").equals("file")
              && one.get("wanted").getAsInt() == FileKind.FILE_KIND_AGREEMENT_VALUE
              && text(one, "result").equals("valid");
      if (!isAgreement) {
        continue;
      }
      byte[] data = hexes(one, "file");
      int[] taken = new int[1];
      Decoder decoder =
          damaged -> {
            try {
              Agreements.read(crypto, damaged);
              taken[0]++;
            } catch (FileRefused refused) {
              return;
            }
          };
      for (int bit = 0; bit < 8 * data.length; bit += 7) {
        byte[] flipped = data.clone();
        flipped[bit / 8] ^= (byte) (1 << bit % 8);
        decoder.decode(flipped);
      }
      assertTrue("damaged agreements are taken", taken[0] == 0);
      damage(
          SignedFiles.writeArmour(data).substring(0, 200).getBytes(ISO_8859_1),
          damaged -> {
            try {
              SignedFiles.readArmour(new String(damaged, ISO_8859_1));
            } catch (FileRefused refused) {
              return;
            }
          });
      return;
    }
  }

  @Test
  public void aDamagedMessageOfTheKeyExchangeIsDroppedOrAnswered() throws Exception {
    JsonObject one = objects(Vectors.load("handshake.json"), "cases").get(0);
    for (String name : List.of("m1", "m2", "m3")) {
      Side receiver = name.equals("m2") ? Side.HIS : Side.POS;
      byte[] encoded = hexes(one.getAsJsonObject("frames"), name);
      byte[] body = new Frames(receiver).feed(encoded).get(0).body;
      List<String> failures = new ArrayList<>();
      damage(
          body,
          damaged -> {
            String found = HandshakeVectors.react(one, name, damaged);
            if (found == null && !name.equals("m1")) {
              failures.add(name);
            }
          });
      assertTrue(failures.toString(), failures.isEmpty());
    }
  }

  @Test
  public void aDamagedRecordDoesNotOpen() throws Exception {
    Crypto crypto = new BouncyCrypto();
    byte[] secret = new byte[32];
    byte[] plaintext = {8, 1, 98, 0};
    byte[] good = new Records.Sealer(crypto, Frame.RECORD_HIS, 7, secret).seal(plaintext);
    damage(
        good,
        damaged -> {
          try {
            new Records.Opener(crypto, Frame.RECORD_HIS, 7, secret).open(damaged);
            throw new AssertionError("a damaged record opens");
          } catch (Dropped drop) {
            return;
          }
        });
  }

  @Test
  public void aDamagedRecordOfABookIsFound() throws Exception {
    BookVectors.Memory memory = new BookVectors.Memory();
    new Book(memory, () -> 1_700_000_000).begin(new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    byte[] record = memory.stored.get(0).record;
    byte[] head = memory.stored.get(0).head;
    damage(
        record,
        damaged -> {
          try {
            Book.verify(Collections.singletonList(new Stored(damaged, head)));
            throw new AssertionError("a damaged record is taken");
          } catch (Broken broken) {
            return;
          }
        });
  }
}
