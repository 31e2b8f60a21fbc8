package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.protobuf.ByteString;
import hispos.client.messages.Channel;
import hispos.client.messages.FoundCapture;
import hispos.client.messages.Kind;
import hispos.client.messages.Outcome;
import hispos.client.messages.PosOrder;
import hispos.client.messages.ResultCore;
import hispos.client.messages.Totals;
import hispos.client.messages.TotalsRow;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the results of a business day come to, counted alike at both ends (orders, "Totals"). */
final class DayCount {
  private final TreeMap<String, Sum> sums = new TreeMap<>();
  private final TreeMap<String, byte[]> ends = new TreeMap<>();
  private int open;

  /** Count and amount of one row. */
  private static final class Sum {
    final boolean isBeyond;
    final Channel channel;
    final Kind kind;
    int count;
    long amount;

    Sum(boolean isBeyond, Channel channel, Kind kind) {
      this.isBeyond = isBeyond;
      this.channel = channel;
      this.kind = kind;
    }
  }

  /** Money that a result tells of. */
  static final class Moved {
    final Channel channel;
    final Kind kind;
    final String number;
    final long fen;

    Moved(Channel channel, Kind kind, String number, long fen) {
      this.channel = channel;
      this.kind = kind;
      this.number = number;
      this.fen = fen;
    }

    boolean isSame(Moved other) {
      return channel == other.channel
          && kind == other.kind
          && number.equals(other.number)
          && fen == other.fen;
    }
  }

  private static List<Moved> told(ResultCore said) {
    List<Moved> found = new ArrayList<>();
    if (said.getOutcome() == Outcome.OUTCOME_PAID) {
      String number = said.getPaymentNo();
      found.add(new Moved(said.getChannel(), Kind.KIND_COLLECT, number, said.getAmount()));
    } else if (said.getOutcome() == Outcome.OUTCOME_REFUNDED) {
      String number = said.getOrderNo();
      found.add(new Moved(said.getChannel(), Kind.KIND_REFUND, number, said.getAmount()));
    } else {
      for (FoundCapture one : said.getFoundList()) {
        found.add(
            new Moved(one.getChannel(), Kind.KIND_COLLECT, one.getPaymentNo(), one.getAmount()));
      }
    }
    return found;
  }

  // only: pos
  /** The totals over the orders of a day in a device's journal (ORD-246 to ORD-249). */
  static Totals of(String deviceId, int day, Map<String, PosOrder> orders) {
    DayCount count = new DayCount();
    for (PosOrder order : orders.values()) {
      if (day != 0 && Orders.core(order.getCore()).getBusinessDay() == day) {
        count.add(deviceId, order);
      }
    }
    return count.totals();
  }

  private void add(String deviceId, PosOrder order) {
    ByteString result = order.getResult();
    ResultCore latest = result.isEmpty() ? null : Orders.result(result);
    ResultCore recorded = null;
    if (order.getRecorded()) {
      ByteString earlier = order.getRecordedResult();
      recorded = earlier.isEmpty() ? latest : Orders.result(earlier);
    }
    boolean acts = Orders.core(order.getCore()).getDeviceId().equals(deviceId);
    if (acts && recorded == null && order.getAnsweredValue() == 0) {
      open++;
    }
    List<Moved> accounted = recorded == null ? new ArrayList<>() : recorded(recorded);
    for (Moved moved : latest == null ? new ArrayList<Moved>() : told(latest)) {
      boolean isAccounted = false;
      for (Moved known : accounted) {
        isAccounted |= known.isSame(moved);
      }
      if (!isAccounted) {
        sum(true, moved);
      }
    }
  }

  // only: end
  /** Takes a result that HIS recorded; gives the money that it accounts for (ORD-246, ORD-250). */
  List<Moved> recorded(ResultCore said) {
    byte[] number = said.getOrderNo().getBytes(US_ASCII);
    ends.put(
        said.getOrderNo(),
        Bytes.concat(
            Bytes.number(number.length, 1),
            number,
            Bytes.number(said.getOutcomeValue(), 1),
            Bytes.number(said.getAmount(), 8)));
    boolean accounts =
        said.getOutcome() == Outcome.OUTCOME_PAID
            || said.getOutcome() == Outcome.OUTCOME_REFUNDED;
    List<Moved> moved = accounts ? told(said) : new ArrayList<Moved>();
    for (Moved one : moved) {
      sum(false, one);
    }
    return moved;
  }

  private void sum(boolean isBeyond, Moved moved) {
    String name =
        (isBeyond ? "1" : "0") + moved.channel.getNumber() + "" + moved.kind.getNumber();
    Sum sum = sums.get(name);
    if (sum == null) {
      sum = new Sum(isBeyond, moved.channel, moved.kind);
      sums.put(name, sum);
    }
    sum.count++;
    sum.amount += moved.fen;
  }

  /** The rows in their order, and the digest. */
  Totals totals() {
    Totals.Builder totals = Totals.newBuilder().setOpen(open);
    for (Sum sum : sums.values()) {
      totals.addRows(
          TotalsRow.newBuilder()
              .setChannel(sum.channel)
              .setKind(sum.kind)
              .setCount(sum.count)
              .setAmount(sum.amount)
              .setBeyond(sum.isBeyond));
    }
    byte[][] all = ends.values().toArray(new byte[0][]);
    return totals.setDigest(Bytes.field(Hashes.sha256(all))).build();
  }
}
