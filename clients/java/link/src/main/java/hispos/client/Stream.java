package hispos.client;

import hispos.client.messages.AlertCode;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.TreeMap;

/** One opening of a line: decoder, transmit queue and drop counters, which die with it (FRM-33). */
final class Stream {
  final Frames decoder;
  final Deque<byte[]> transmits = new ArrayDeque<>();
  final TreeMap<String, Integer> drops = new TreeMap<>();
  private Long alertAt;
  private Long noSessionAt;

  Stream(Side own) {
    decoder = new Frames(own);
    transmits.add(new byte[] {Frames.OPENING});
  }

  /** Counts a drop under its name (FRM-32), and gives the count. */
  int drop(String name) {
    Integer before = drops.get(name);
    int count = before == null ? 1 : before + 1;
    drops.put(name, count);
    return count;
  }

  /** Queues a frame, and gives its checksum. */
  byte[] send(int kind, byte[] body) {
    transmits.add(Frames.encode(kind, body));
    return Frame.of(kind, body).checksum();
  }

  /** A plain alert, unless it would come too early (REC-26 to REC-28). */
  void alert(AlertCode code, byte[] ref, long now) {
    boolean isNoSession = code == AlertCode.ALERT_CODE_NO_SESSION;
    Long last = isNoSession ? noSessionAt : alertAt;
    if (last != null && now < last + Timers.PLAIN_ALERT_GAP) {
      return;
    }
    if (isNoSession) {
      noSessionAt = now;
    } else {
      alertAt = now;
    }
    send(Frame.PLAIN_ALERT, Bytes.concat(new byte[] {(byte) code.getNumber()}, ref));
  }
}
