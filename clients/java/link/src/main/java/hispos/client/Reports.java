package hispos.client;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** When results are reported to HIS, one at a time, again and again (orders, "Reporting results"). */
final class Reports {
  private final Deque<String> round = new ArrayDeque<>();
  private final Map<String, Integer> calls = new HashMap<>();
  private long nextRound;
  private long gap = Timers.RESULT_REPEAT_FIRST;
  private int open;
  private long openUntil;
  private int nextCall = 1;

  Reports(long now) {
    nextRound = now;
  }

  /** A result has just ended: it goes first. */
  void now(String orderNo, long now) {
    gap = Timers.RESULT_REPEAT_FIRST;
    nextRound = now + gap;
    round.addFirst(orderNo);
  }

  /** HIS answered a call. */
  void answered(int call) {
    if (open == call) {
      open = 0;
    }
  }

  long deadline(Collection<String> unanswered, long now) {
    if (open != 0) {
      return Math.max(openUntil, now);
    }
    if (unanswered.isEmpty()) {
      return Long.MAX_VALUE;
    }
    return round.isEmpty() ? nextRound : now;
  }

  /** The order that is reported now, or null. */
  String next(Collection<String> unanswered, long now) {
    if (open != 0 && now < openUntil) {
      return null;
    }
    open = 0;
    round.retainAll(unanswered);
    if (round.isEmpty() && now >= nextRound) {
      round.addAll(unanswered);
      nextRound = now + gap;
      gap = Math.min(2 * gap, Timers.RESULT_REPEAT_LAST);
    }
    String orderNo = round.poll();
    if (orderNo == null) {
      return null;
    }
    if (!calls.containsKey(orderNo)) {
      calls.put(orderNo, nextCall++);
    }
    open = calls.get(orderNo);
    openUntil = now + Timers.RESULT_REPEAT_FIRST;
    return orderNo;
  }

  /** The call of the order that was given last. */
  int call() {
    return open;
  }
}
