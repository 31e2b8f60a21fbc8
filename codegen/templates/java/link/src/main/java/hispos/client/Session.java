package hispos.client;

import com.google.protobuf.InvalidProtocolBufferException;
import hispos.client.messages.Alert;
import hispos.client.messages.AlertCode;
import hispos.client.messages.Message;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the sessions of both ends do with a stream and a live session.
 *
 * <p>A session is fed bytes and instants, and polled for bytes and events; it has no clock, thread
 * or socket. Instants are milliseconds of a clock that runs since the boot of the machine (ORD-1).
 */
abstract class Session {
  final Crypto crypto;
  final Side own;
  final Deque<SessionEvent> events = new ArrayDeque<>();
  Stream stream;
  Live live;

  Session(Crypto crypto, Side own) {
    this.crypto = crypto;
    this.own = own;
  }

  /** What was dropped on this stream, by name. */
  final Map<String, Integer> drops() {
    return stream == null ? new TreeMap<String, Integer>() : new TreeMap<>(stream.drops);
  }

  final boolean isLive() {
    return live != null;
  }

  /** The next bytes for the line, or null. */
  final byte[] pollTransmit() {
    return stream == null ? null : stream.transmits.poll();
  }

  /** The next event, or null. */
  final SessionEvent pollEvent() {
    return events.poll();
  }

  abstract void opened(long now);

  abstract void closed(long now);

  abstract void feed(byte[] data, long now);

  abstract void onTimer(long now);

  /** The instant at which {@code onTimer} has something to do; {@code Long.MAX_VALUE}: none. */
  abstract long nextTimer();

  /** Seals a message into the live session; false if there is none, or its counters are used up. */
  final boolean send(byte[] plaintext, long now) {
    if (live == null || stream == null) {
      return false;
    }
    byte[] body = live.sealer.seal(plaintext);
    if (body == null) {
      over(-1, false, now);
      return false;
    }
    stream.send(live.kind, body);
    return true;
  }

  /** Ends the live session with a sealed alert, its last record (REC-24, REC-25). */
  final void end(AlertCode code, long now) {
    Alert alert = Alert.newBuilder().setCode(code).build();
    if (send(Message.newBuilder().setAlert(alert).build().toByteArray(), now)) {
      over(code.getNumber(), false, now);
    }
  }

  void over(int code, boolean byPeer, long now) {
    if (live != null) {
      live.erase();
    }
    live = null;
    events.add(new SessionEvent.Ended(code, byPeer));
  }

  final List<Frame> frames(byte[] data) {
    List<Frame> found = new ArrayList<>();
    if (stream == null) {
      return found;
    }
    for (Frame outcome : stream.decoder.feed(data)) {
      if (outcome.drop == null) {
        found.add(outcome);
      } else if (stream.drop(outcome.drop) == Limits.ECHO_EVENT_AT && outcome.drop.equals("echo")) {
        events.add(new SessionEvent.Notice("own frames come back: an echo or a loop"));
      }
    }
    return found;
  }

  final void takePlaintext(byte[] plaintext, long now) {
    Parsed parsed;
    try {
      parsed = Parsed.of(plaintext);
    } catch (InvalidProtocolBufferException error) {
      end(AlertCode.ALERT_CODE_DECODE_ERROR, now);
      return;
    }
    if (parsed.alert >= 0) {
      over(parsed.alert, true, now);
    } else {
      events.add(new SessionEvent.Received(parsed.message, live));
    }
  }

  final void checkAge(long now) {
    if (live != null && now >= live.since + Timers.SESSION_AGE_MAX) {
      over(-1, false, now);
    }
  }

  /** The code of a plain alert, or null if it is dropped (REC-29). */
  static AlertCode plainAlert(byte[] body) {
    AlertCode code = body.length == 5 ? AlertCode.forNumber(body[0] & 0xFF) : null;
    if (code == null) {
      return null;
    }
    switch (code) {
      case ALERT_CODE_HANDSHAKE_FAILURE:
      case ALERT_CODE_ILLEGAL_PARAMETER:
      case ALERT_CODE_DECODE_ERROR:
      case ALERT_CODE_VERSION:
      case ALERT_CODE_SUITE:
      case ALERT_CODE_AGREEMENT:
      case ALERT_CODE_BUSY:
      case ALERT_CODE_NO_SESSION:
      case ALERT_CODE_NO_HANDSHAKE:
        return code;
      default:
        return null;
    }
  }
}
