package hispos.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import hispos.client.Agreements;
import hispos.client.Amounts;
import hispos.client.Book;
import hispos.client.BookFailed;
import hispos.client.BouncyCrypto;
import hispos.client.Broken;
import hispos.client.Crypto;
import hispos.client.End;
import hispos.client.FileRefused;
import hispos.client.FileStorage;
import hispos.client.HisLink;
import hispos.client.Ledger;
import hispos.client.LinkEvent;
import hispos.client.Manifests;
import hispos.client.NoResult;
import hispos.client.Orders;
import hispos.client.Refund;
import hispos.client.Refusal;
import hispos.client.Site;
import hispos.client.Texts;
import hispos.client.messages.DeviceManifest;
import hispos.client.messages.HisOrder;
import hispos.client.messages.HisState;
import hispos.client.messages.Outcome;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Stage;
import hispos.client.transport.BootClock;
import hispos.client.transport.Lines;
import hispos.client.transport.Loop;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.List;

/**
 * A cashier's window: collects and refunds over a line, with a ledger in a file.
 *
 * <pre>
 * Window DIR tcp:127.0.0.1:7000 collect BILL +12.34
 * cat bills | Window DIR LINE collect - +12.34
 * Window DIR serial:/dev/ttyUSB0 refund ORDER -5.00 ITEM OPERATOR APPROVER REASON
 * Window DIR tcp:127.0.0.1:7000 cancel BILL +12.34
 * Window DIR tcp:127.0.0.1:7000 look ORDER
 * </pre>
 *
 * <p>{@code cancel} collects, and thinks better of it once the terminal waits for a code. {@code look} ends an order that
 * an earlier run, which was killed, left open: by a signed result, as every end.
 *
 * <p>DIR holds {@code terminal.key} and {@code site.secret} (32 bytes each), {@code terminal.id},
 * {@code device.id}, and the signed files {@code agreement*.hispos}, every one that was ever
 * taken over, and {@code devices.hispos}. The ledger is made there.
 */
public final class Window implements Closeable {
  final HisLink link;
  final Ledger ledger;
  final Loop loop;
  private final FileStorage storage;

  /** Verifies the files of a folder, loads the ledger, and opens the line. */
  public Window(File home, String line) throws IOException, FileRefused, Broken, Refusal {
    Crypto crypto = new BouncyCrypto();
    List<Agreements.Signed> agreements = Program.agreements(crypto, home);
    byte[] manifest = Program.read(home, "devices.hispos");
    DeviceManifest devices =
        Manifests.devices(crypto, manifest, agreements.get(0).agreement);
    Site site = new Site(agreements, devices, Program.read(home, "site.secret"));
    storage = new FileStorage(new File(home, "ledger.jsonl"));
    Book book = new Book(storage, () -> System.currentTimeMillis() / 1000);
    ledger = new Ledger(book, site, crypto, Program.draw(8));
    ledger.beginRun(BootClock.now());
    End end =
        new End(
            crypto,
            Program.text(home, "terminal.id"),
            Program.read(home, "terminal.key"),
            Manifests.registry(devices));
    link = new HisLink(ledger, end, Program.text(home, "device.id"), Program::draw);
    loop = new Loop(link, () -> Lines.open(line));
  }

  /** Makes an order. */
  interface Make {
    String order(long now) throws Refusal;
  }

  /** What came of an order: an exit code, and what the cashier reads. */
  static final class Said {
    final int code;
    final String orderNo;
    final String text;

    Said(int code, String orderNo, String text) {
      this.code = code;
      this.orderNo = orderNo;
      this.text = text;
    }
  }

  /** Makes or names an order once the link is ready, and waits for its end. */
  Said pay(Make make, long milliseconds, Loop.Listener tell) throws Refusal {
    boolean isReady =
        link.isReady()
            || loop.run(
                30_000,
                event -> {
                  tell.heard(event);
                  return event instanceof LinkEvent.Ready;
                });
    if (!isReady) {
      return new Said(Program.NOT_REACHABLE, "", "the terminal does not answer");
    }
    String orderNo = "";
    try {
      orderNo = make.order(BootClock.now());
      boolean hasEnded = !ledger.openOrders().contains(orderNo);
      if (hasEnded || ends(orderNo, milliseconds, tell)) {
        return said(orderNo);
      }
    } catch (BookFailed error) {
      // What breaks behind the making of an order says nothing about its money.
      Program.tell(error.getMessage() + ": " + error.getCause());
    }
    return new Said(
        Program.UNKNOWN, orderNo, orderNo + ": unknown. Do not take or give the money again.");
  }

  /** Waits until an order has ended. */
  boolean ends(String orderNo, long milliseconds, Loop.Listener tell) {
    return loop.run(
        milliseconds,
        event -> {
          tell.heard(event);
          return event instanceof LinkEvent.OrderEnded
              && ((LinkEvent.OrderEnded) event).orderNo.equals(orderNo);
        });
  }

  /** What came of an order that has ended. */
  Said said(String orderNo) {
    HisOrder order = ledger.order(orderNo);
    if (order.getState() == HisState.HIS_STATE_ATTENTION) {
      return new Said(
          Program.UNKNOWN,
          orderNo,
          orderNo + ": people have to look at it. Do not take or give the money again.");
    }
    ResultCore result;
    try {
      result = Orders.readResult(order.getResult().toByteArray());
    } catch (NoResult error) {
      throw new IllegalStateException(error);
    }
    boolean moved =
        result.getOutcome() == Outcome.OUTCOME_PAID
            || result.getOutcome() == Outcome.OUTCOME_REFUNDED;
    Texts.Meaning meaning = Texts.STATUS.get(result.getStatusValue());
    String text = meaning == null ? "status " + result.getStatusValue() : meaning.cashierEn;
    return new Said(moved ? Program.DONE : Program.REFUSED, orderNo, orderNo + ": " + text);
  }

  /** Ends the session in order. */
  @Override
  public void close() throws IOException {
    link.close(BootClock.now());
    loop.close();
    storage.close();
  }

  /**
   * Collects a bill; with {@code -} each that a line of the standard input names, until one's end
   * is not known.
   */
  private Said collect(String bill, long fen, Loop.Listener tell) throws IOException, Refusal {
    if (!bill.equals("-")) {
      return pay(now -> link.collect(bill, fen, now), 300_000, tell);
    }
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    int worst = Program.DONE;
    for (String line; worst < Program.UNKNOWN && (line = lines.readLine()) != null; ) {
      Said said = collect(line.trim(), fen, tell);
      System.out.println(said.text);
      worst = Math.max(worst, said.code);
    }
    return new Said(worst, "", "no more bills");
  }

  /** The command. */
  public static void main(String[] words) {
    Said said;
    try {
      said = run(words);
    } catch (Refusal refusal) {
      said = new Said(Program.REFUSED, "", refusal.getMessage());
    } catch (IllegalArgumentException error) {
      said = new Said(Program.USAGE, "", error.getMessage());
    } catch (IOException | FileRefused | Broken error) {
      said = new Said(Program.NOT_REACHABLE, "", error.getMessage());
    }
    System.out.println(said.text);
    System.exit(said.code);
  }

  private static Said run(String[] words) throws IOException, FileRefused, Broken, Refusal {
    List<String> rest = Arrays.asList(words).subList(Math.min(3, words.length), words.length);
    String command = rest.isEmpty() ? "" : words[2];
    boolean isCollect = rest.size() == 2 && (command.equals("collect") || command.equals("cancel"));
    boolean isRefund = rest.size() == 6 && command.equals("refund");
    boolean isLook = rest.size() == 1 && command.equals("look");
    if (!isCollect && !isRefund && !isLook) {
      throw new IllegalArgumentException(
          "usage: Window DIR LINE collect BILL +AMOUNT, or Window DIR LINE cancel BILL +AMOUNT, or"
              + " Window DIR LINE refund ORDER -AMOUNT ITEM OPERATOR APPROVER REASON, or"
              + " Window DIR LINE look ORDER");
    }
    long fen = isLook ? 0 : Amounts.parse(rest.get(1));
    try (Window window = new Window(new File(words[0]), words[1])) {
      Loop.Listener tell =
          event -> {
            System.out.println(event);
            if (command.equals("cancel")) {
              window.cancelAtCode(event);
            }
            return false;
          };
      if (isCollect) {
        return window.collect(rest.get(0), fen, tell);
      }
      if (isLook) {
        return window.pay(now -> window.look(rest.get(0), now), 300_000, tell);
      }
      Refund wanted =
          new Refund(
              rest.get(0), fen, rest.get(2), rest.get(3), rest.get(4), rest.get(5));
      return window.pay(now -> window.link.refund(wanted, now), 300_000, tell);
    }
  }

  /** Asks about an order that an earlier run left open. */
  private String look(String orderNo, long now) {
    if (ledger.order(orderNo) == null) {
      throw new IllegalArgumentException(orderNo + " is no order of this ledger");
    }
    link.ask(orderNo, now);
    return orderNo;
  }

  private void cancelAtCode(LinkEvent event) {
    if (event instanceof LinkEvent.Progress
        && ((LinkEvent.Progress) event).stage == Stage.STAGE_WAIT_CODE) {
      try {
        link.cancel(((LinkEvent.Progress) event).orderNo, BootClock.now());
      } catch (Refusal refusal) {
        // It has ended meanwhile; its end comes all the same.
        System.out.println(refusal.getMessage());
      }
    }
  }
}
