package hispos.client;

import hispos.client.messages.AlertCode;
import hispos.client.messages.Channel;
import hispos.client.messages.Message;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;

/** What a POS has still to do, one step after the other (messages, section "Open calls"). */
final class PosInbox {
  private static final Work TICK = new Work(null, null, null, null, null);

  private final Deque<Work> waiting = new ArrayDeque<>();

  /** A session that is or was up. */
  static final class Up {
    final String peer;
    final long zero;
    boolean isSynced;

    Up(String peer, long zero) {
      this.peer = peer;
      this.zero = zero;
    }
  }

  /** One piece of work: a message of a session, a verdict, a code, or the time. */
  static final class Work {
    final Up up;
    final Message message;
    final Verdict verdict;
    final Channel channel;
    final PaymentCode code;

    private Work(Up up, Message message, Verdict verdict, Channel channel, PaymentCode code) {
      this.up = up;
      this.message = message;
      this.verdict = verdict;
      this.channel = channel;
      this.code = code;
    }

    /** Whether there is still anybody to answer, or it is the last word of HIS, which counts. */
    boolean counts(Up present) {
      return up == present || message.getReplyTo() != 0;
    }
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  Work next() {
    return waiting.remove();
  }

  void tick() {
    if (!waiting.contains(TICK)) {
      waiting.add(TICK);
    }
  }

  void verdict(Verdict verdict) {
    waiting.add(new Work(null, null, verdict, null, null));
  }

  void scan(Channel channel, PaymentCode code) {
    waiting.add(new Work(null, null, null, channel, code));
  }

  void confirmation(Up up, Message message) {
    waiting.add(new Work(up, message, null, null, null));
  }

  /**
   * Takes a request of HIS, behind those before it.
   *
   * @return the alert that ends the session, or null
   */
  AlertCode request(Up up, Message message) {
    boolean isSync = message.getBodyCase() == Message.BodyCase.SYNC;
    if (message.getCall() == 0) {
      return null;
    }
    if (!up.isSynced && !isSync) {
      return AlertCode.ALERT_CODE_UNEXPECTED_MESSAGE;
    }
    Set<Integer> calls = calls(up);
    if (calls.contains(message.getCall())) {
      return null;
    }
    if (calls.size() >= Limits.OPEN_CALLS_MAX) {
      return AlertCode.ALERT_CODE_LIMIT;
    }
    up.isSynced |= isSync;
    waiting.add(new Work(up, message, null, null, null));
    return null;
  }

  private Set<Integer> calls(Up up) {
    Set<Integer> found = new HashSet<>();
    for (Work item : waiting) {
      if (item.up == up && item.message.getReplyTo() == 0) {
        found.add(item.message.getCall());
      }
    }
    return found;
  }
}
