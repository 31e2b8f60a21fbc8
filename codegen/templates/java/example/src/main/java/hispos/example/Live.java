package hispos.example;

import com.google.gson.JsonParser;
import hispos.client.Bytes;
import hispos.client.Labels;
import hispos.client.LinkEvent;
import hispos.client.Orders;
import hispos.client.Refund;
import hispos.client.Refusal;
import hispos.client.messages.Device;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.FileKind;
import hispos.client.messages.HisState;
import hispos.client.messages.Stage;
import hispos.client.messages.Status;
import hispos.client.messages.Terminal;
import hispos.client.messages.TerminalManifest;
import hispos.client.transport.BootClock;
import hispos.client.transport.Loop;
import java.io.File;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * This client's window against the reference terminal, over a pseudo-terminal and over TCP, and then
 * its terminal against the reference HIS.
 *
 * <p>{@code HISPOS_POS}, {@code HISPOS_HIS} and {@code PROVIDER_SIM} name the programs.
 */
public final class Live {
  // only: his
  private final File root;
  private final Company company;
  private final File home;

  private Live(File root) {
    this.root = root;
    this.company = new Company(root);
    this.home = new File(root, "window");
  }

  // only: end
  /** One end after the other. */
  public static void main(String[] words) throws Exception {
    // only: his
    File root = Files.createTempDirectory("hispos-live").toFile();
    Live live = new Live(root);
    try {
      live.provision();
      String url = live.company.startPlatform();
      String pty = new File(root, "pos.pty").getPath();
      System.out.println("over a pseudo-terminal");
      Process pos = live.startPos(url, "--pty", "--pty-link", pty);
      live.story("serial:" + pty, "pty", "134567890123456700");
      live.killed("serial:" + pty, "pty");
      pos.destroy();
      pos.waitFor();
      int port;
      try (ServerSocket probe = new ServerSocket(0)) {
        port = probe.getLocalPort();
      }
      System.out.println("over TCP");
      live.startPos(url, "--listen", "127.0.0.1:" + port);
      live.story("tcp:127.0.0.1:" + port, "tcp", "281234567890123400");
      live.pulled("tcp:127.0.0.1:" + port, "tcp", "134567890123456800");
    } catch (Exception error) {
      System.out.println(live.company.log());
      throw error;
    } finally {
      live.company.stop();
    }
    // only: end
    // only: pos
    System.out.println("this terminal and the reference HIS");
    new LivePos(Files.createTempDirectory("hispos-live").toFile()).run();
    // only: end
    String proved = "";
    // only: his
    proved +=
        "; a window over a pseudo-terminal and over TCP: collect, refund, cancel, a killed window, a"
            + " pulled cable";
    // only: end
    // only: pos
    proved += "; a terminal over TCP: collects, a refund, a cancel, a killed terminal";
    // only: end
    System.out.println("live: " + proved.substring(2));
  }

  // only: his

  private List<String> posWords(String... words) {
    List<String> all = new ArrayList<>();
    all.add(System.getenv("HISPOS_POS"));
    all.addAll(
        Arrays.asList("--home", new File(root, "pos").getPath(), "--json", "--lang", "en"));
    all.addAll(Arrays.asList(words));
    return all;
  }

  private void pos(String... words) {
    try {
      company.run(posWords(words).toArray(new String[0]));
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private void provision() throws Exception {
    File agreement = company.write("window/agreement.hispos", company.agreement());
    pos("device", "init", "--id", Company.DEVICE, "--serial-no", "SN-1");
    pos(
        "agreement",
        "import",
        agreement.getPath(),
        "--his-organisation",
        company.fingerprint(company.hisKey),
        "--pos-organisation",
        company.fingerprint(company.posKey));
    File request = new File(root, "request.json");
    pos("device", "request", "--out", request.getPath());
    String text = new String(Files.readAllBytes(request.toPath()), StandardCharsets.UTF_8);
    String key =
        JsonParser.parseString(text).getAsJsonObject().get("public_key").getAsString();
    long begin = System.currentTimeMillis() / 1000 - 60;
    long end = begin + 86400L * 365;
    DeviceManifest devices =
        DeviceManifest.newBuilder()
            .setSerial(1)
            .setSiteId(Company.SITE)
            .addDevices(
                Device.newBuilder()
                    .setDeviceId(Company.DEVICE)
                    .setSerialNo("SN-1")
                    .setPublicKey(Bytes.field(Bytes.unhex(key)))
                    .setValidFrom(begin)
                    .setValidUntil(end))
            .build();
    company.write(
        "window/devices.hispos",
        Company.signed(
            FileKind.FILE_KIND_DEVICE_MANIFEST,
            Labels.DEVICE_MANIFEST,
            devices.toByteArray(),
            company.posKey));
    byte[] terminalKey = Program.draw(32);
    TerminalManifest terminals =
        TerminalManifest.newBuilder()
            .setSerial(1)
            .setSiteId(Company.SITE)
            .addTerminals(
                Terminal.newBuilder()
                    .setTerminalId(Company.TERMINAL)
                    .setWindowName("Cashier 1")
                    .setPublicKey(Bytes.field(Company.CRYPTO.ed25519Public(terminalKey)))
                    .setValidFrom(begin)
                    .setValidUntil(end))
            .build();
    File file =
        company.write(
            "terminals.hispos",
            Company.signed(
                FileKind.FILE_KIND_TERMINAL_MANIFEST,
                Labels.TERMINAL_MANIFEST,
                terminals.toByteArray(),
                company.hisKey));
    pos("terminals", "import", file.getPath());
    company.write("window/terminal.key", terminalKey);
    company.write("window/site.secret", Program.draw(32));
    company.write("window/terminal.id", Company.TERMINAL.getBytes(StandardCharsets.UTF_8));
    company.write("window/device.id", Company.DEVICE.getBytes(StandardCharsets.UTF_8));
  }

  private Process startPos(String url, String... line) throws Exception {
    List<String> words = posWords("serve");
    words.addAll(Arrays.asList(line));
    String credentials = new File(root, "bank/credentials.json").getPath();
    words.addAll(Arrays.asList("--credentials", credentials, "--platform", url));
    Process program = company.start(words.toArray(new String[0]));
    Company.line(program, "\"ready\"");
    return program;
  }

  private static void check(boolean isTrue, String what) {
    if (!isTrue) {
      throw new AssertionError(what);
    }
  }

  /** Shows each event, and does something with the first that waits for a code. */
  private static Loop.Listener atCode(Runnable then) {
    boolean[] isDone = new boolean[1];
    return event -> {
      System.out.println("    " + event);
      boolean waits =
          event instanceof LinkEvent.Progress
              && ((LinkEvent.Progress) event).stage == Stage.STAGE_WAIT_CODE;
      if (waits && !isDone[0]) {
        isDone[0] = true;
        then.run();
      }
      return false;
    };
  }

  /** A collect, a refund of a part of it, and a collect that is cancelled before the scan. */
  private void story(String line, String name, String code) throws Exception {
    try (Window window = new Window(home, line)) {
      Window.Said paid =
          window.pay(
              now -> window.link.collect(name + "-1", 1234, now),
              60_000,
              atCode(() -> pos("scan", code)));
      System.out.println("  " + paid.text);
      check(paid.code == Program.DONE, "the collect");
      Refund wanted = new Refund(paid.orderNo, -500, "item-1", "1001", "2001", "wrong item");
      Window.Said back =
          window.pay(now -> window.link.refund(wanted, now), 90_000, atCode(() -> {}));
      System.out.println("  " + back.text);
      check(back.code == Program.DONE, "the refund");
      Window.Said cancelled =
          window.pay(
              now -> window.link.collect(name + "-2", 350, now),
              60_000,
              atCode(() -> cancelOpen(window)));
      System.out.println("  " + cancelled.text);
      byte[] result = window.ledger.order(cancelled.orderNo).getResult().toByteArray();
      check(cancelled.code == Program.REFUSED, "the cancel");
      check(
          Orders.readResult(result).getStatus() == Status.STATUS_CANCELLED, "the cancel's status");
      try {
        window.link.collect(name + "-1", 1234, BootClock.now());
        throw new AssertionError("a paid bill is collected again");
      } catch (Refusal refusal) {
        System.out.println("  refused: " + refusal.getMessage());
      }
    }
  }

  private static void cancelOpen(Window window) {
    try {
      window.link.cancel(window.ledger.openOrders().get(0), BootClock.now());
    } catch (Refusal refusal) {
      throw new IllegalStateException(refusal);
    }
  }

  /** A window that is killed while a code is awaited: the next one asks, and ends the order. */
  private void killed(String line, String name) throws Exception {
    String java = new File(System.getProperty("java.home"), "bin/java").getPath();
    Process program =
        company.start(
            java,
            "-cp",
            System.getProperty("java.class.path"),
            "hispos.example.Window",
            home.getPath(),
            line,
            "collect",
            name + "-3",
            "+2.00");
    Company.line(program, "progress");
    program.destroyForcibly().waitFor();
    try (Window window = new Window(home, line)) {
      List<String> open = window.ledger.openOrders();
      check(open.size() == 1, "one open order");
      check(
          window.ledger.order(open.get(0)).getState() == HisState.HIS_STATE_ASKING,
          "it is asked about");
      check(window.ends(open.get(0), 60_000, atCode(() -> {})), "it ends");
      check(
          window.ledger.order(open.get(0)).getState() == HisState.HIS_STATE_NOT_PAID,
          "it is not paid");
      System.out.println("  killed and looked up: " + window.said(open.get(0)).text);
    }
  }

  /** The cable is pulled while a code is awaited, and the patient pays meanwhile. */
  private void pulled(String line, String name, String code) throws Exception {
    try (Window window = new Window(home, line)) {
      Window.Said paid =
          window.pay(
              now -> window.link.collect(name + "-4", 8800, now),
              90_000,
              atCode(
                  () -> {
                    window.loop.pull(4_000);
                    pos("scan", code);
                  }));
      System.out.println("  the cable was out: " + paid.text);
      check(paid.code == Program.DONE, "the collect over a pulled cable");
    }
  }
  // only: end
}
