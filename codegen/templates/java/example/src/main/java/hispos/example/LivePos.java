package hispos.example;

import com.google.gson.JsonParser;
import hispos.client.Bytes;
import hispos.client.Labels;
import hispos.client.messages.Device;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.FileKind;
import hispos.client.messages.Terminal;
import hispos.client.messages.TerminalManifest;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * This client's terminal against the reference HIS, over TCP, paying at the simulated platform.
 *
 * <p>{@code HISPOS_HIS} and {@code PROVIDER_SIM} name the two programs.
 */
final class LivePos {
  private static final long WITHIN = 120_000;

  private final File root;
  private final Company company;
  private final int port;
  private String url;

  LivePos(File root) throws IOException {
    this.root = root;
    this.company = new Company(root);
    this.port = freePort();
  }

  private static int freePort() throws IOException {
    try (ServerSocket probe = new ServerSocket(0)) {
      return probe.getLocalPort();
    }
  }

  /** A collect on each channel, a refund, a cancel, a killed terminal. */
  void run() throws Exception {
    try {
      provision();
      url = company.startPlatform();
      startHis();
      Running terminal = startTerminal("134567890123456700", "281234567890123400", "-");
      String first = orderNo(collect("b-1", "+12.34", 0));
      System.out.println("  collected by WeChat: " + first);
      System.out.println("  collected by Alipay: " + orderNo(collect("b-2", "+8.00", 0)));
      his(
          0, "refund", first, "-5.00", "--operator", "1001", "--approver", "2001", "--reason",
          "wrong item", "--window", Company.TERMINAL);
      System.out.println("  refunded a part of " + first);
      String cancelled = begin(terminal, "b-3");
      // The window gives up by itself after a second, too: either is a cancel.
      his(-1, "cancel", cancelled);
      expect("b-3", "not_paid");
      terminal.kill();
      terminal = startTerminal("-");
      begin(terminal, "b-4");
      terminal.kill();
      System.out.println("  killed the terminal");
      terminal = startTerminal("134567890123456800");
      expect("b-4", "not_paid");
      System.out.println("  collected behind it: " + orderNo(collect("b-5", "+1.00", 0)));
    } catch (Exception error) {
      System.out.println(company.log());
      throw error;
    } finally {
      company.stop();
    }
  }

  private String his(int code, String... words) throws Exception {
    List<String> all =
        new ArrayList<>(
            Arrays.asList(
                System.getenv("HISPOS_HIS"), "--home", new File(root, "his").getPath(), "--json",
                "--lang", "en"));
    all.addAll(Arrays.asList(words));
    File log = new File(root, "his-" + System.nanoTime());
    Process program = new ProcessBuilder(all).redirectErrorStream(true).redirectOutput(log).start();
    boolean hasEnded = program.waitFor(WITHIN, TimeUnit.MILLISECONDS);
    String said = new String(Files.readAllBytes(log.toPath()), StandardCharsets.UTF_8);
    if (!hasEnded || (code >= 0 && program.exitValue() != code)) {
      throw new IOException(String.join(" ", words) + ": " + said);
    }
    return said;
  }

  private void provision() throws Exception {
    long begin = System.currentTimeMillis() / 1000 - 60;
    long end = begin + 86400L * 365;
    byte[] deviceKey = Program.draw(32);
    DeviceManifest devices =
        DeviceManifest.newBuilder()
            .setSerial(1)
            .setSiteId(Company.SITE)
            .addDevices(
                Device.newBuilder()
                    .setDeviceId(Company.DEVICE)
                    .setSerialNo("SN-1")
                    .setPublicKey(Bytes.field(Company.CRYPTO.ed25519Public(deviceKey)))
                    .setValidFrom(begin)
                    .setValidUntil(end))
            .build();
    File agreement = company.write("terminal/agreement.hispos", company.agreement());
    File manifest =
        company.write(
            "devices.hispos",
            Company.signed(
                FileKind.FILE_KIND_DEVICE_MANIFEST,
                Labels.DEVICE_MANIFEST,
                devices.toByteArray(),
                company.posKey));
    his(
        0, "agreement", "import", agreement.getPath(), "--his-organisation",
        company.fingerprint(company.hisKey), "--pos-organisation",
        company.fingerprint(company.posKey));
    his(0, "devices", "import", manifest.getPath());
    File request = new File(root, "terminal.json");
    his(0, "terminal", "init", Company.TERMINAL);
    his(
        0, "terminal", "request", Company.TERMINAL, "--window-name", "Cashier 1", "--out",
        request.getPath());
    String text = new String(Files.readAllBytes(request.toPath()), StandardCharsets.UTF_8);
    String key = JsonParser.parseString(text).getAsJsonObject().get("public_key").getAsString();
    TerminalManifest terminals =
        TerminalManifest.newBuilder()
            .setSerial(1)
            .setSiteId(Company.SITE)
            .addTerminals(
                Terminal.newBuilder()
                    .setTerminalId(Company.TERMINAL)
                    .setWindowName("Cashier 1")
                    .setPublicKey(Bytes.field(Bytes.unhex(key)))
                    .setValidFrom(begin)
                    .setValidUntil(end))
            .build();
    company.write(
        "terminal/terminals.hispos",
        Company.signed(
            FileKind.FILE_KIND_TERMINAL_MANIFEST,
            Labels.TERMINAL_MANIFEST,
            terminals.toByteArray(),
            company.hisKey));
    company.write("terminal/device.key", deviceKey);
    company.write("terminal/device.id", Company.DEVICE.getBytes(StandardCharsets.UTF_8));
    his(
        0, "devices", "bind", Company.DEVICE, "--terminal", Company.TERMINAL, "--line",
        "dial:127.0.0.1:" + port);
  }

  private void startHis() throws Exception {
    Process program =
        company.start(
            System.getenv("HISPOS_HIS"), "--home", new File(root, "his").getPath(), "--json",
            "--lang", "en", "serve", "--listen", "127.0.0.1:" + freePort());
    Company.line(program, "address");
  }

  /** A running terminal, and what it says. */
  private static final class Running {
    private final Process program;
    private final List<String> lines = new ArrayList<>();

    Running(Process program) {
      this.program = program;
      Thread reader = new Thread(this::read);
      reader.setDaemon(true);
      reader.start();
    }

    private void read() {
      try (BufferedReader reader =
          new BufferedReader(
              new InputStreamReader(program.getInputStream(), StandardCharsets.UTF_8))) {
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
          System.out.println("    " + line);
          synchronized (lines) {
            lines.add(line);
            lines.notifyAll();
          }
        }
      } catch (IOException error) {
        // The program is gone.
      }
    }

    int said() {
      synchronized (lines) {
        return lines.size();
      }
    }

    /** The first line with a text behind a place. */
    String wait(String text, int since) throws InterruptedException {
      long end = System.currentTimeMillis() + WITHIN;
      int place = since;
      synchronized (lines) {
        while (System.currentTimeMillis() < end) {
          for (; place < lines.size(); place++) {
            if (lines.get(place).contains(text)) {
              return lines.get(place);
            }
          }
          lines.wait(1000);
        }
      }
      throw new IllegalStateException("the terminal does not say " + text);
    }

    void kill() throws InterruptedException {
      program.destroyForcibly().waitFor();
    }
  }

  private Running startTerminal(String... codes) throws Exception {
    String java = new File(System.getProperty("java.home"), "bin/java").getPath();
    List<String> words =
        new ArrayList<>(
            Arrays.asList(
                java, "-cp", System.getProperty("java.class.path"), "hispos.example.PosTerminal",
                new File(root, "terminal").getPath(), "listen:" + port,
                new File(root, "bank/credentials.json").getPath(), url));
    words.addAll(Arrays.asList(codes));
    Running terminal = new Running(company.start(words.toArray(new String[0])));
    terminal.wait("WECHAT", 0);
    terminal.wait("ALIPAY", 0);
    terminal.wait("up:", 0);
    return terminal;
  }

  private String collect(String bill, String amount, int code) throws Exception {
    return his(
        code, "collect", "--bill", bill, amount, "--window", Company.TERMINAL, "--patience", "90");
  }

  private static String orderNo(String said) {
    int place = said.indexOf("\"order_no\":\"") + "\"order_no\":\"".length();
    return said.substring(place, said.indexOf('"', place));
  }

  /** Begins a collect up to its acceptance, and gives its number. */
  private String begin(Running terminal, String bill) throws Exception {
    int since = terminal.said();
    Thread work = new Thread(() -> collectBeside(bill));
    work.setDaemon(true);
    work.start();
    String line = terminal.wait("accepted: ", since);
    return line.substring("accepted: ".length(), line.indexOf(','));
  }

  private void collectBeside(String bill) {
    try {
      his(
          -1, "collect", "--bill", bill, "+2.00", "--window", Company.TERMINAL, "--seconds", "1",
          "--patience", "1");
    } catch (Exception error) {
      System.out.println(error.getMessage());
    }
  }

  /** Waits until no order is open, and checks how the bill's order ended. */
  private void expect(String bill, String state) throws Exception {
    long end = System.currentTimeMillis() + WITHIN;
    while (his(0, "open").contains("order_no")) {
      if (System.currentTimeMillis() > end) {
        throw new IOException("still open: " + his(0, "open"));
      }
      Thread.sleep(500);
    }
    String said = his(0, "bill", bill).replace("\": ", "\":");
    if (!said.contains("\"state\":\"" + state + "\"")) {
      throw new AssertionError(bill + ": " + said);
    }
    System.out.println("  " + bill + ": " + state);
  }
}
