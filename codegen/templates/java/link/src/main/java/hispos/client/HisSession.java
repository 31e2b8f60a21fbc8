package hispos.client;

import hispos.client.messages.AlertCode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The session of a HIS on one line: it starts the key exchange, repeats, waits and switches (key
 * exchange, records).
 */
final class HisSession extends Session {
  private static final long[] FAILURE_WAITS = {
    Timers.FAILURE_WAIT_1, Timers.FAILURE_WAIT_2, Timers.FAILURE_WAIT_3, Timers.FAILURE_WAIT_4
  };
  private static final int M2_ACCEPTED_MAX = 16;

  private End end;
  private final String device;
  private final Draw draw;
  private List<Terms> agreements;
  private HisAttempt attempt;
  private final Set<String> refused = new HashSet<>();
  private boolean wants;
  private int failures;
  private int lostHandshakes;
  private long blockedUntil;
  private long busyUntil;
  private Long lastStart;
  private Long lastSwitch;

  /**
   * A session without a stream.
   *
   * @param device the one that is bound to the desk (KEX-58)
   * @param agreements the serving ones, the newest first
   */
  HisSession(End end, String device, List<Terms> agreements, Draw draw) {
    super(end.crypto, Side.HIS);
    this.end = end;
    this.device = device;
    this.agreements = new ArrayList<>(agreements);
    this.draw = draw;
  }

  /** Takes newer files over, for key exchanges from now on (PRV-31, PRV-40). */
  void provision(Registry registry, List<Terms> serving) {
    end = end.with(registry);
    agreements = new ArrayList<>(serving);
    refused.clear();
  }

  @Override
  void opened(long now) {
    closed(now);
    stream = new Stream(Side.HIS);
    blockedUntil = now;
    busyUntil = now;
    lastStart = null;
  }

  @Override
  void closed(long now) {
    giveUp(false);
    wants = false;
    if (live != null) {
      over(-1, false, now);
    }
    stream = null;
  }

  /** Whether a record of the live session opened within the last 25 s (REC-42). */
  boolean hasHeard(long now) {
    return live != null && now < live.openedAt + Timers.SILENT;
  }

  /** Takes bytes of the line, and starts what they make due at once (KEX-77). */
  @Override
  void feed(byte[] data, long now) {
    for (Frame frame : frames(data)) {
      if (frame.kind == Frame.M2) {
        takeM2(frame, now);
      } else if (frame.kind == Frame.PLAIN_ALERT) {
        takeAlert(frame.body, now);
      } else {
        takeRecord(frame.body, now);
      }
    }
    onTimer(now);
  }

  @Override
  void onTimer(long now) {
    checkAge(now);
    if (live != null && failures > 0 && now >= live.since + Timers.SESSION_YOUNG) {
      failures = 0;
    }
    if (attempt != null && now >= attemptEnd()) {
      giveUp(true);
    } else if (attempt != null) {
      repeat(now);
    }
    if (stream != null && attempt == null && now >= dueFrom() && now >= startFrom()) {
      start(now);
    }
  }

  @Override
  long nextTimer() {
    if (stream == null) {
      return Long.MAX_VALUE;
    }
    long next = Long.MAX_VALUE;
    if (live != null) {
      next = live.since + Timers.SESSION_AGE_MAX;
      if (failures > 0) {
        next = Math.min(next, live.since + Timers.SESSION_YOUNG);
      }
    }
    if (attempt != null) {
      return Math.min(next, Math.min(attemptEnd(), repeatAt()));
    }
    return Math.min(next, Math.max(startFrom(), dueFrom()));
  }

  // Starts.

  /** When a start is due, whatever blocks it (KEX-77). */
  private long dueFrom() {
    if (live == null
        || wants
        || Math.max(live.sealer.counter, live.opener.last) >= Limits.COUNTER_REKEY) {
      return Long.MIN_VALUE;
    }
    return Math.min(live.since + Timers.SESSION_REKEY_AGE, live.openedAt + Timers.SESSION_IDLE);
  }

  /** When no wait blocks a start (KEX-78, KEX-83). */
  private long startFrom() {
    long gap = lastStart == null ? Long.MIN_VALUE : lastStart + Timers.START_GAP;
    return Math.max(gap, Math.max(blockedUntil, busyUntil));
  }

  private void start(long now) {
    for (Terms terms : agreements) {
      End under = end.under(terms);
      boolean isUsable = !under.versions.isEmpty() && !under.suites.isEmpty();
      if (isUsable && !refused.contains(Bytes.hex(terms.hash))) {
        wants = false;
        lastStart = now;
        attempt = new HisAttempt(terms, new Initiator(under, device, terms.hash, draw), now);
        attempt.m1Checksum = stream.send(Frame.M1, attempt.initiator.m1());
        return;
      }
    }
    block(now + Timers.ALERT_WAIT);
  }

  private void block(long until) {
    blockedUntil = Math.max(blockedUntil, until);
  }

  private void fail(long now) {
    block(now + FAILURE_WAITS[Math.min(failures, FAILURE_WAITS.length - 1)]);
    failures++;
  }

  private void giveUp(boolean wantsAgain) {
    if (attempt != null) {
      attempt.initiator.erase();
      attempt = null;
    }
    wants |= wantsAgain;
  }

  // Repetition.

  private long attemptEnd() {
    if (attempt.m3 != null) {
      return attempt.m3At + Timers.M3_RETRY;
    }
    return Math.max(attempt.started + Timers.M1_RETRY, busyUntil);
  }

  private long repeatAt() {
    return attempt.m3 != null ? attempt.m3Repeat.due : Math.max(attempt.m1Repeat.due, busyUntil);
  }

  private void repeat(long now) {
    if (now < repeatAt() || stream == null) {
      return;
    }
    if (attempt.m3 != null) {
      stream.send(Frame.M3, attempt.m3);
      attempt.m3Repeat.next(now);
    } else {
      stream.send(Frame.M1, attempt.initiator.m1());
      attempt.m1Repeat.next(now);
    }
  }

  // Receiving.

  private void takeM2(Frame frame, long now) {
    String name = Bytes.hex(frame.body);
    if (attempt == null
        || attempt.accepted.contains(name)
        || attempt.accepted.size() >= M2_ACCEPTED_MAX) {
      stream.drop("handshake");
      return;
    }
    try {
      Initiator.Taken taken = attempt.initiator.takeM2(frame.body);
      attempt.accepted.add(name);
      attempt.m3 = taken.m3;
      attempt.m3At = now;
      attempt.m3Repeat = new HisAttempt.Repeat(now);
      attempt.coming = new Live(crypto, taken.keys, Side.HIS);
      attempt.coming.zero = now;
      attempt.m3Checksum = stream.send(Frame.M3, taken.m3);
    } catch (Dropped drop) {
      stream.drop("handshake");
      if (drop.isSealed && ++attempt.unopened == Limits.PENDING_TRIES_MAX) {
        events.add(new SessionEvent.Notice("agreement, keys or line of the two ends differ"));
      }
    } catch (Alerted alerted) {
      if (attempt.m3 != null) {
        stream.drop("handshake");
        return;
      }
      events.add(
          new SessionEvent.Notice("the device is not authentic: " + alerted.getMessage()));
      stream.alert(alerted.code, frame.checksum(), now);
      giveUp(false);
      fail(now);
    }
  }

  private void takeRecord(byte[] body, long now) {
    if (attempt != null && attempt.coming != null) {
      Live coming = attempt.coming;
      byte[] plaintext = null;
      try {
        plaintext = coming.open(body, now);
      } catch (Dropped drop) {
        // It may be one of the session that still lives.
      }
      if (plaintext != null) {
        switchTo(coming, now);
        takePlaintext(plaintext, now);
        return;
      }
    }
    if (live == null) {
      stream.drop(Records.hasSize(body) ? "stale" : "size");
      return;
    }
    byte[] plaintext;
    try {
      plaintext = live.open(body, now);
    } catch (Dropped drop) {
      stream.drop(drop.name);
      if (live.hasTooManyForged()) {
        end(AlertCode.ALERT_CODE_BAD_RECORD, now);
      }
      return;
    }
    takePlaintext(plaintext, now);
  }

  /** The new session becomes the live one; the old one ends silently (KEX-66, REC-36). */
  private void switchTo(Live coming, long now) {
    if (live != null) {
      live.erase();
    }
    giveUp(false);
    live = coming;
    live.since = now;
    live.openedAt = now;
    lastSwitch = now;
    lostHandshakes = 0;
    refused.clear();
    events.add(new SessionEvent.Started(live.keys.peer, live.keys.agreementHash, live.zero));
  }

  /** A young session that an alert other than close ended is a failure. */
  @Override
  void over(int code, boolean byPeer, long now) {
    if (live != null && code > 0 && now < live.since + Timers.SESSION_YOUNG) {
      fail(now);
    }
    super.over(code, byPeer, now);
  }

  // Plain alerts (records, section "Reaction of the HIS to plain alerts").

  private void takeAlert(byte[] body, long now) {
    AlertCode code = plainAlert(body);
    if (code == null) {
      stream.drop("alert");
      return;
    }
    byte[] ref = Bytes.part(body, 1, 5);
    if (code == AlertCode.ALERT_CODE_NO_SESSION) {
      takeNoSession(now);
    } else if (attempt == null
        || !(Arrays.equals(ref, attempt.m1Checksum) || Arrays.equals(ref, attempt.m3Checksum))) {
      stream.drop("alert");
    } else {
      events.add(new SessionEvent.Notice("plain alert " + code.getNumber() + " of the POS"));
      if (attempt.m3 == null) {
        reactToM1(code, now);
      } else {
        reactToM3(code, now);
      }
    }
  }

  private void takeNoSession(long now) {
    boolean isEarly =
        (lastStart != null && now < lastStart + Timers.START_GAP)
            || (lastSwitch != null && now < lastSwitch + Timers.START_GAP);
    if (attempt == null && !isEarly) {
      wants = true;
    }
  }

  private void reactToM1(AlertCode code, long now) {
    if (code == AlertCode.ALERT_CODE_BUSY) {
      busyUntil = now + Timers.BUSY_WAIT;
    } else if (code == AlertCode.ALERT_CODE_AGREEMENT) {
      refused.add(Bytes.hex(attempt.terms.hash));
      giveUp(true);
      boolean isLeft = false;
      for (Terms terms : agreements) {
        isLeft |= !refused.contains(Bytes.hex(terms.hash));
      }
      if (!isLeft) {
        refused.clear();
        block(now + Timers.ALERT_WAIT);
      }
    } else if (code != AlertCode.ALERT_CODE_HANDSHAKE_FAILURE
        && code != AlertCode.ALERT_CODE_NO_HANDSHAKE) {
      giveUp(true);
      block(now + Timers.ALERT_WAIT);
    }
  }

  private void reactToM3(AlertCode code, long now) {
    if (code == AlertCode.ALERT_CODE_HANDSHAKE_FAILURE) {
      giveUp(false);
      fail(now);
    } else if (code == AlertCode.ALERT_CODE_NO_HANDSHAKE) {
      giveUp(true);
      lostHandshakes++;
      if (lostHandshakes > 1) {
        fail(now);
      }
    }
  }
}
