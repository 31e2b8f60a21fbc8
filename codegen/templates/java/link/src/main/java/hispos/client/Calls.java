package hispos.client;

import hispos.client.messages.HisState;
import hispos.client.messages.Message;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Requests of one session (messages, sections "Call numbers", "Open calls" and "Repeats"). */
final class Calls {
  private static final long[] GAPS = {
    Timers.REQUEST_REPEAT_1,
    Timers.REQUEST_REPEAT_2,
    Timers.REQUEST_REPEAT_3,
    Timers.REQUEST_REPEAT_4
  };

  private final Map<Integer, Call> open = new LinkedHashMap<>();
  private final Deque<Call> waiting = new ArrayDeque<>();
  private int next = 1;

  /** An open request, or one that waits for a free call. */
  static final class Call {
    final Message body;
    final String orderNo;

    /** That of the order when it was asked about; null without one. */
    final HisState state;

    int number;
    private long firstSent;
    private long due;
    private int gaps;
    private Long droppedAt;

    Call(Message body, String orderNo, HisState state) {
      this.body = body;
      this.orderNo = orderNo;
      this.state = state;
    }

    /** What is asked. */
    Message.BodyCase kind() {
      return body.getBodyCase();
    }
  }

  /** Sends a message of the session. */
  interface Sends {
    void send(Message message, long now);
  }

  private final Sends line;

  Calls(Sends line) {
    this.line = line;
  }

  /** Asks something that is about no order. */
  void request(Message body, long now) {
    begin(new Call(body, "", null), now);
  }

  /** Asks about an order in a state. */
  void request(Message body, String orderNo, HisState state, long now) {
    begin(new Call(body, orderNo, state), now);
  }

  private void begin(Call call, long now) {
    forgetLost(now);
    if (open.size() >= Limits.OPEN_CALLS_MAX) {
      waiting.add(call);
      return;
    }
    call.number = next++;
    call.firstSent = now;
    call.due = now + GAPS[0];
    open.put(call.number, call);
    send(call, now);
  }

  private void send(Call call, long now) {
    line.send(call.body.toBuilder().setCall(call.number).build(), now);
  }

  /** Repeats what has no answer, and sends what waited. */
  void repeat(long now) {
    for (Call call : new ArrayList<>(open.values())) {
      if (call.droppedAt == null && now >= call.due) {
        call.gaps = Math.min(call.gaps + 1, GAPS.length - 1);
        call.due = now + GAPS[call.gaps];
        send(call, now);
      }
    }
    forgetLost(now);
    while (!waiting.isEmpty() && open.size() < Limits.OPEN_CALLS_MAX) {
      begin(waiting.remove(), now);
    }
  }

  /** A dropped call whose answer does not come for 25 s is taken for lost. */
  private void forgetLost(long now) {
    for (Iterator<Call> calls = open.values().iterator(); calls.hasNext(); ) {
      Call call = calls.next();
      if (call.droppedAt != null && now >= call.droppedAt + Timers.SILENT) {
        calls.remove();
      }
    }
  }

  /** The call that an answer ends, or null; dropped ones that were handled before it end with it. */
  Call answered(int number) {
    Call call = open.remove(number);
    if (call == null) {
      return null;
    }
    for (Iterator<Call> calls = open.values().iterator(); calls.hasNext(); ) {
      Call other = calls.next();
      if (other.droppedAt != null && call.firstSent >= other.droppedAt) {
        calls.remove();
      }
    }
    return call.droppedAt == null ? call : null;
  }

  /** Drops every call about an order. */
  void drop(String orderNo, long now) {
    for (Call call : open.values()) {
      if (call.orderNo.equals(orderNo) && call.droppedAt == null) {
        call.droppedAt = now;
      }
    }
    for (Iterator<Call> calls = waiting.iterator(); calls.hasNext(); ) {
      if (calls.next().orderNo.equals(orderNo)) {
        calls.remove();
      }
    }
  }

  /** Whether an order is asked about. */
  boolean isAsked(String orderNo) {
    for (Call call : all()) {
      if (call.orderNo.equals(orderNo)) {
        return true;
      }
    }
    return false;
  }

  /** Whether such a call is open or waits. */
  boolean has(Message.BodyCase kind) {
    for (Call call : all()) {
      if (call.kind() == kind) {
        return true;
      }
    }
    return false;
  }

  /** Whether an order's SubmitOrder is due, or waits for a free call. */
  boolean wouldSubmit(String orderNo, long now) {
    for (Call call : all()) {
      if (call.kind() == Message.BodyCase.SUBMIT_ORDER
          && call.orderNo.equals(orderNo)
          && (call.number == 0 || now >= call.due)) {
        return true;
      }
    }
    return false;
  }

  /** Those about orders that are not dropped. */
  List<Call> aboutOrders() {
    List<Call> found = all();
    for (Iterator<Call> calls = found.iterator(); calls.hasNext(); ) {
      if (calls.next().state == null) {
        calls.remove();
      }
    }
    return found;
  }

  private List<Call> all() {
    List<Call> found = new ArrayList<>(waiting);
    for (Call call : open.values()) {
      if (call.droppedAt == null) {
        found.add(call);
      }
    }
    return found;
  }

  /** The next instant at which something is to do. */
  long nextTimer() {
    long at = Long.MAX_VALUE;
    for (Call call : open.values()) {
      at = Math.min(at, call.droppedAt == null ? call.due : call.droppedAt + Timers.SILENT);
    }
    return at;
  }
}
