package hispos.example;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import hispos.client.Agreements;
import hispos.client.Ask;
import hispos.client.Book;
import hispos.client.BookFailed;
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
import hispos.client.messages.FileKind;
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
 * agreement*.hispos}, every one that was ever taken over, and {@code terminals.hispos}. Newer ones are
 * taken over while it runs. The journal is made there. The payer shows the next code for each order
 * that waits for one, or types it: a line of the standard input is a code, too.
 *
 * <p>Only files that cannot be used at its start end it. A port that is not free, a line that is
 * gone, a journal that cannot be written and a platform that is silent are told on standard error, and
 * tried again.
 */
public final class PosTerminal {
  /** Room for the end of every order that has not ended, in bytes (ORD-92). */
  private static final long RESERVE = 16L << 20;

  /** Milliseconds between two looks for a caller, and for a verdict that is awaited. */
  private static final long LOOK = 50;

  private static final long SOON = 2;

  /** How often the folder is looked at for newer files, in milliseconds. */
  private static final long LOOK_EVERY = 1000;

  /** How long a journal that cannot be written is left alone, in milliseconds. */
  private static final long AGAIN = 5000;

  private final Crypto crypto = new BouncyCrypto();
  private final File home;
  private final Loop.Opener opener;
  private final Map<Merchant, PaymentPlatform> platforms = new HashMap<>();
  private final Deque<String> codes;
  private final ConcurrentLinkedQueue<String> typed = new ConcurrentLinkedQueue<>();
  private Files files;
  private long lookFrom;

  private PosTerminal(File home, String line, File credentials, String url, List<String> codes)
      throws IOException, FileRefused {
    this.home = home;
    this.codes = new ArrayDeque<>(codes);
    this.files = new Files();
    readPlatforms(credentials, url);
    this.opener = opener(line);
  }

  /** The signed files of the folder, verified. */
  private final class Files {
    final String stamp;
    final List<Agreements.Signed> agreements;
    final TerminalManifest terminals;

    Files() throws IOException, FileRefused {
      stamp = stamp();
      agreements = Program.agreements(crypto, home);
      byte[] manifest = Program.read(home, "terminals.hispos");
      terminals = Manifests.terminals(crypto, manifest, agreements.get(0).agreement);
    }

    /** Newer ones, which may follow these. */
    Files newer() throws IOException, FileRefused {
      Files newer = new Files();
      Manifests.checkSuccession(
          FileKind.FILE_KIND_TERMINAL_MANIFEST,
          terminals.toByteArray(),
          newer.terminals.toByteArray());
      return newer;
    }
  }

  /** Changes whenever a signed file of the folder does. */
  private String stamp() throws IOException {
    List<String> stamps = new ArrayList<>();
    List<File> all = new ArrayList<>(Program.agreementFiles(home));
    all.add(new File(home, "terminals.hispos"));
    for (File file : all) {
      stamps.add(file.getName() + " " + file.lastModified() + " " + file.length());
    }
    Collections.sort(stamps);
    return stamps.toString();
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

  private static Loop.Opener opener(String line) {
    if (line.startsWith("listen:")) {
      return new Listener(Integer.parseInt(line.substring("listen:".length())));
    }
    return () -> {
      try {
        return Lines.open(line);
      } catch (IOException error) {
        Program.tell(line + ": " + error.getMessage());
        throw error;
      }
    };
  }

  /** Serves for ever: what fails is told, and tried again. */
  private void serve() throws IOException, Broken {
    Run run = new Run();
    System.out.println("serving");
    while (true) {
      run.step();
      if (run.link.isHalted()) {
        run = follows(run);
      }
    }
  }

  /**
   * The next run, from what the journal holds, as of a program that has just started (ORD-10). Up to
   * then the one that halted answers each key exchange with "busy" (ORD-12).
   */
  private Run follows(Run halted) {
    Program.tell("no order is taken: " + halted.link.failure().getCause());
    Program.close(halted.storage);
    while (true) {
      halted.loop.run(AGAIN, event -> false);
      try {
        Run next = new Run();
        halted.loop.close();
        return next;
      } catch (IOException | Broken | BookFailed error) {
        Program.tell("no order is taken: " + error.getMessage());
      }
    }
  }

  /** One run of the link: up to a journal that cannot be written. */
  private final class Run {
    final FileStorage storage;
    final PosLink link;
    final Loop loop;
    private final ConcurrentLinkedQueue<Verdict> verdicts = new ConcurrentLinkedQueue<>();
    private int awaited;

    Run() throws IOException, Broken {
      PosLink.Config config =
          new PosLink.Config(
              crypto,
              Program.text(home, "device.id"),
              Program.read(home, "device.key"),
              boot(),
              "hispos example in Java 0.1.0",
              files.agreements,
              files.terminals,
              new ArrayList<>(platforms.keySet()));
      storage = new FileStorage(new File(home, "journal.jsonl"));
      try {
        Book book = new Book(storage, () -> System.currentTimeMillis() / 1000);
        Journal journal = new Journal(book, Program.draw(8));
        link = new PosLink(config, journal, Program::draw, BootClock.now());
      } catch (IOException | Broken | BookFailed error) {
        Program.close(storage);
        throw error;
      }
      loop = new Loop(link, opener);
    }

    void step() {
      link.setStorage(home.getUsableSpace() >= RESERVE);
      takeNewerFiles(link);
      for (Ask ask = link.pollAsk(); ask != null; ask = link.pollAsk()) {
        carryOut(ask);
      }
      for (Verdict verdict = verdicts.poll(); verdict != null; verdict = verdicts.poll()) {
        link.verdict(verdict, BootClock.now());
        awaited--;
      }
      for (String code = typed.poll(); code != null; code = typed.poll()) {
        scan(link, code);
      }
      if (opener instanceof Listener && ((Listener) opener).hasNewer()) {
        loop.reopen();
      }
      // A verdict and a code come from threads: neither wakes the line.
      loop.step(event -> heard(link, event), awaited > 0 ? SOON : LOOK);
    }

    /** A verdict belongs to the run that asked: in another one its number is another question's. */
    private void carryOut(Ask ask) {
      awaited++;
      PaymentPlatform platform = platforms.get(ask.merchant);
      Thread thread =
          new Thread(() -> verdicts.add(Payments.carryOut(platform, ask, BootClock::now)));
      thread.setDaemon(true);
      thread.start();
    }
  }

  /** Takes over what a person has put into the folder; what may not follow is told and left. */
  private void takeNewerFiles(PosLink link) {
    if (BootClock.now() < lookFrom) {
      return;
    }
    lookFrom = BootClock.now() + LOOK_EVERY;
    try {
      if (!stamp().equals(files.stamp)) {
        Files newer = files.newer();
        List<Merchant> merchants = new ArrayList<>(platforms.keySet());
        link.provision(newer.agreements, newer.terminals, merchants, BootClock.now());
        files = newer;
        System.out.println("newer files are taken over");
      }
    } catch (IOException | FileRefused | IllegalArgumentException error) {
      Program.tell("the newer files are not taken over: " + error.getMessage());
    }
  }

  private boolean heard(PosLink link, LinkEvent event) {
    System.out.println(event);
    boolean waits =
        event instanceof LinkEvent.Accepted && ((LinkEvent.Accepted) event).amount > 0;
    if (waits && !codes.isEmpty()) {
      scan(link, codes.poll());
    }
    return false;
  }

  private static void scan(PosLink link, String text) {
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
      File credentials = new File(words[2]).getAbsoluteFile();
      PosTerminal terminal =
          new PosTerminal(new File(words[0]), words[1], credentials, words[3], codes);
      Thread typing = new Thread(terminal::readTyped);
      typing.setDaemon(true);
      typing.start();
      terminal.serve();
    } catch (IOException | FileRefused | Broken error) {
      System.err.println(error.getMessage());
    } catch (RuntimeException error) {
      error.printStackTrace();
    }
    System.exit(Program.NOT_REACHABLE);
  }
}
