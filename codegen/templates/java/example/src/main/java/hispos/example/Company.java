package hispos.example;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import hispos.client.BouncyCrypto;
import hispos.client.Bytes;
import hispos.client.Crypto;
import hispos.client.Labels;
import hispos.client.SignedFiles;
import hispos.client.Signatures;
import hispos.client.messages.AgreedTimers;
import hispos.client.messages.Agreement;
import hispos.client.messages.AlipayMerchant;
import hispos.client.messages.AmountLimits;
import hispos.client.messages.BusinessDay;
import hispos.client.messages.FileKind;
import hispos.client.messages.FileSignature;
import hispos.client.messages.SignedFile;
import hispos.client.messages.WechatMerchant;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Both organisations, their signed files, and the programs that a proof starts. */
final class Company {
  static final Crypto CRYPTO = new BouncyCrypto();
  static final String SITE = "hospital-1";
  static final String DEVICE = "POS-0001";
  static final String TERMINAL = "HIS-W01";
  static final String[] MERCHANTS = {"1900000001", "2021000000000001", "2088000000000001"};

  final byte[] hisKey = Program.draw(32);
  final byte[] posKey = Program.draw(32);
  private final File root;
  private final List<Process> programs = new ArrayList<>();

  Company(File root) {
    this.root = root;
  }

  /** A signed file (PRV-8, PRV-10). */
  static byte[] signed(FileKind kind, Labels context, byte[] payload, byte[]... keys) {
    List<FileSignature> rows = new ArrayList<>();
    for (byte[] key : keys) {
      rows.add(
          FileSignature.newBuilder()
              .setKeyId(Bytes.field(SignedFiles.keyId(CRYPTO.ed25519Public(key))))
              .setSignature(Bytes.field(CRYPTO.sign(key, Signatures.message(context, payload))))
              .build());
    }
    rows.sort((one, other) -> Bytes.compare(Bytes.of(one.getKeyId()), Bytes.of(other.getKeyId())));
    return SignedFile.newBuilder()
        .setKind(kind)
        .setPayload(Bytes.field(payload))
        .addAllSignatures(rows)
        .build()
        .toByteArray();
  }

  /** The agreement, signed by both. */
  byte[] agreement() {
    AgreedTimers timers =
        AgreedTimers.newBuilder()
            .setStart(60000)
            .setAct(60000)
            .setDrift(2000)
            .setConnect(1000)
            .setHttp(4000)
            .setPollWechat(10000)
            .setPollAlipay(10000)
            .setReverseMin(1000)
            .setFence(12000)
            .setQuiet(16000)
            .setExpiry(8000)
            .setQuery(1000)
            .setAbsenceGap(1000)
            .build();
    Agreement agreement =
        Agreement.newBuilder()
            .setAgreementNo(1)
            .setSiteId(SITE)
            .setSiteCode("SIM1")
            .addVersions(1)
            .addSuites(1)
            .setHisOrganisationKey(Bytes.field(CRYPTO.ed25519Public(hisKey)))
            .setPosOrganisationKey(Bytes.field(CRYPTO.ed25519Public(posKey)))
            .setCurrency("CNY")
            .setAmounts(
                AmountLimits.newBuilder()
                    .setCollectMax(5000000)
                    .setRefundMax(1000000)
                    .setRefundDayMax(5000000))
            .setTimers(timers)
            .setBusinessDay(BusinessDay.newBuilder().setUtcOffsetMinutes(480))
            .setWechat(WechatMerchant.newBuilder().setMchId(MERCHANTS[0]))
            .setAlipay(
                AlipayMerchant.newBuilder().setAppId(MERCHANTS[1]).setSellerId(MERCHANTS[2]))
            .setSimulated(true)
            .build();
    return signed(
        FileKind.FILE_KIND_AGREEMENT, Labels.AGREEMENT, agreement.toByteArray(), hisKey, posKey);
  }

  String fingerprint(byte[] key) {
    return SignedFiles.fingerprint(CRYPTO.ed25519Public(key));
  }

  File write(String name, byte[] content) throws IOException {
    File file = new File(root, name);
    Files.createDirectories(file.getParentFile().toPath());
    Files.write(file.toPath(), content);
    return file;
  }

  /** The platform's address. */
  String startPlatform() throws IOException, InterruptedException {
    String folder = new File(root, "bank").getPath();
    String program = System.getenv("PROVIDER_SIM");
    run(
        program, "init", "--dir", folder, "--merchant", "wechat:" + MERCHANTS[0], "--merchant",
        "alipay:" + MERCHANTS[1] + ":" + MERCHANTS[2]);
    Process started = start(program, "serve", "--dir", folder, "--scale", "0.1");
    JsonObject said = JsonParser.parseString(line(started, "{")).getAsJsonObject();
    return said.get("url").getAsString();
  }

  /** Runs a program to its end. */
  void run(String... words) throws IOException, InterruptedException {
    Process program =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(new File(root, "log")))
            .start();
    if (program.waitFor() != 0) {
      throw new IOException(String.join(" ", words) + " failed:\n" + log());
    }
  }

  String log() throws IOException {
    return new String(Files.readAllBytes(new File(root, "log").toPath()), StandardCharsets.UTF_8);
  }

  /** Starts a program whose output is read. */
  Process start(String... words) throws IOException {
    Process program =
        new ProcessBuilder(Arrays.asList(words))
            .redirectError(ProcessBuilder.Redirect.appendTo(new File(root, "log")))
            .start();
    programs.add(program);
    return program;
  }

  /** The first line of a program that holds a text; the rest is read in the background. */
  static String line(Process program, String wanted) throws IOException {
    BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(program.getInputStream(), StandardCharsets.UTF_8));
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      if (line.contains(wanted)) {
        Thread rest = new Thread(() -> drain(reader));
        rest.setDaemon(true);
        rest.start();
        return line;
      }
    }
    throw new IOException("a program ended before it said " + wanted);
  }

  private static void drain(BufferedReader reader) {
    try {
      while (reader.readLine() != null) {
        continue;
      }
    } catch (IOException error) {
      // The program is gone.
    }
  }

  /** Ends what was started here. */
  void stop() throws InterruptedException {
    for (Process program : programs) {
      program.destroyForcibly().waitFor();
    }
  }
}
