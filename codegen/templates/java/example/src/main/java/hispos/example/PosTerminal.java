package hispos.example;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import hispos.client.Agreements;
import hispos.client.Ask;
import hispos.client.Book;
import hispos.client.BouncyCrypto;
import hispos.client.Broken;
import hispos.client.Bytes;
import hispos.client.Crypto;
import hispos.client.FileRefused;
import hispos.client.FileStorage;
import hispos.client.Journal;
import hispos.client.LinkEvent;
import hispos.client.Manifests;
import hispos.client.Merchant;
import hispos.client.PaymentPlatform;
import hispos.client.Payments;
import hispos.client.PosLink;
import hispos.client.Refusal;
import hispos.client.Scan;
import hispos.client.Verdict;
import hispos.client.messages.TerminalManifest;
import hispos.client.transport.BootClock;
import hispos.client.transport.Line;
import hispos.client.transport.Lines;
import hispos.client.transport.Loop;
import hispos.client.transport.TcpLine;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A payment terminal over a line, with a journal in a file, that pays at the simulated platform.
 *
 * <pre>
 * PosTerminal DIR listen:7000 CREDENTIALS http://127.0.0.1:46751 CODE...
 * </pre>
 *
 * <p>DIR holds {@code device.key} (32 bytes), {@code device.id}, and the signed files {@code
 * agreement.hispos} and {@code terminals.hispos}. The journal is made there. The payer shows the next
 * code for each order that waits for one, or types it: a line of the standard input is a code, too.
 */
public final class PosTerminal {
  /** Room for the end of every order that has not ended, in bytes (ORD-92). */
  private static final long RESERVE = 16L << 20;

  /** Milliseconds between two looks for a caller, and for a verdict that is awaited. */
  private static final long LOOK = 50;

  private static final long SOON = 2;

  private final File home;
  private final PosLink link;
  private final Loop loop;
  private final Map<Merchant, PaymentPlatform> platforms = new HashMap<>();
  private final ConcurrentLinkedQueue<Verdict> verdicts = new ConcurrentLinkedQueue<>();
  private final Deque<String> codes;
  private final ConcurrentLinkedQueue<String> typed = new ConcurrentLinkedQueue<>();
  private int awaited;

  private PosTerminal(File home, String line, File credentials, String url, List<String> codes)
      throws IOException, FileRefused, Broken {
    this.home = home;
    this.codes = new ArrayDeque<>(codes);
    Crypto crypto = new BouncyCrypto();
    Agreements.Signed signed = Agreements.read(crypto, Program.read(home, "agreement.hispos"));
    if (!signed.agreement.getSimulated()) {
      throw new IOException("this client is experimental: it takes simulated agreements only");
    }
    TerminalManifest terminals =
        Manifests.terminals(crypto, Program.read(home, "terminals.hispos"), signed.agreement);
    readPlatforms(credentials, url);
    Book book =
        new Book(
            new FileStorage(new File(home, "journal.jsonl")),
            () -> System.currentTimeMillis() / 1000);
    PosLink.Config config =
        new PosLink.Config(
            crypto,
            Program.text(home, "device.id"),
            Program.read(home, "device.key"),
            boot(),
            "hispos example in Java 0.1.0",
            Collections.singletonList(signed),
            terminals,
            new ArrayList<>(platforms.keySet()));
    Journal journal = new Journal(book, Program.draw(8));
    link = new PosLink(config, journal, Program::draw, BootClock.now());
    loop = new Loop(link, opener(line));
  }

  private void readPlatforms(File credentials, String url) throws IOException {
    String text =
        new String(
            Program.read(credentials.getParentFile(), credentials.getName()),
            StandardCharsets.UTF_8);
    String[] place = url.replaceFirst("^http://", "").replaceFirst("/$", "").split(":");
    JsonObject all = JsonParser.parseString(text).getAsJsonObject();
    for (JsonElement one : all.getAsJsonArray("merchants")) {
      PaymentPlatform platform =
          new SimulatedPlatform(place[0], Integer.parseInt(place[1]), one.getAsJsonObject());
      platforms.put(platform.merchant(), platform);
    }
  }

  /** 16 bytes that all programs of one boot share (ORD-57). */
  private static byte[] boot() {
    try {
      String id = Program.text(new File("/proc/sys/kernel/random"), "boot_id");
      return Bytes.unhex(id.replace("-", ""));
    } catch (IOException error) {
      return Program.draw(16);
    }
  }

  private static Loop.Opener opener(String line) throws IOException {
    if (!line.startsWith("listen:")) {
      return () -> Lines.open(line);
    }
    int port = Integer.parseInt(line.substring("listen:".length()));
    ServerSocket server = new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
    server.setSoTimeout(50);
    return () -> accept(server);
  }

  private static Line accept(ServerSocket server) throws IOException {
    return new TcpLine(server.accept());
  }

  /** Serves until the book fails. */
  private void serve() {
    while (!link.isHalted()) {
      link.setStorage(home.getUsableSpace() >= RESERVE);
      for (Ask ask = link.pollAsk(); ask != null; ask = link.pollAsk()) {
        carryOut(ask);
      }
      for (Verdict verdict = verdicts.poll(); verdict != null; verdict = verdicts.poll()) {
        link.verdict(verdict, BootClock.now());
        awaited--;
      }
      for (String code = typed.poll(); code != null; code = typed.poll()) {
        scan(code);
      }
      // A verdict and a code come from threads: neither wakes the line.
      loop.step(this::heard, awaited > 0 ? SOON : LOOK);
    }
  }

  private void carryOut(Ask ask) {
    awaited++;
    Thread thread =
        new Thread(
            () ->
                verdicts.add(
                    Payments.carryOut(
                        platforms.get(ask.merchant), ask, BootClock::now)));
    thread.setDaemon(true);
    thread.start();
  }

  private boolean heard(LinkEvent event) {
    System.out.println(event);
    boolean waits =
        event instanceof LinkEvent.Accepted && ((LinkEvent.Accepted) event).amount > 0;
    if (waits && !codes.isEmpty()) {
      scan(codes.poll());
    }
    return false;
  }

  private void scan(String text) {
    Scan scan = Scan.of(text);
    try {
      if (scan.refused != null) {
        System.out.println("no payment code: " + scan.refused);
      } else {
        link.scan(scan.channel, scan.code, BootClock.now());
      }
    } catch (Refusal refusal) {
      System.out.println(refusal.getMessage());
    }
  }

  private void readTyped() {
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        typed.add(line.trim());
      }
    } catch (IOException error) {
      System.out.println("no more codes can be typed: " + error.getMessage());
    }
  }

  /** The command. */
  public static void main(String[] words) {
    if (words.length < 4) {
      System.out.println("usage: PosTerminal DIR LINE CREDENTIALS URL [CODE...]");
      System.exit(Program.USAGE);
    }
    try {
      List<String> codes = Arrays.asList(words).subList(4, words.length);
      PosTerminal terminal =
          new PosTerminal(
              new File(words[0]), words[1], new File(words[2]).getAbsoluteFile(), words[3], codes);
      Thread typing = new Thread(terminal::readTyped);
      typing.setDaemon(true);
      typing.start();
      System.out.println("serving");
      terminal.serve();
    } catch (IOException | FileRefused | Broken error) {
      System.out.println(error.getMessage());
    }
    System.exit(Program.NOT_REACHABLE);
  }
}
