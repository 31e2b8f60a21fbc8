package hispos.client;

import hispos.client.messages.AlertCode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The session of a POS on one line: it answers the key exchange and commits (key exchange). */
final class PosSession extends Session {
  /** Makes a serialised Message with SessionReady. */
  interface MakeReady {
    byte[] make(byte[] agreementHash, long now);
  }

  private End end;
  private List<Terms> agreements;
  private final Draw draw;
  private final MakeReady makeReady;
  private Candidate candidate;
  private final List<Long> madeAt = new ArrayList<>();
  private byte[] liveM3 = Bytes.NONE;
  private long readyAt;

  /** No session can be taken (KEX-25). */
  boolean isBusy;

  /**
   * A session without a stream.
   *
   * @param agreements the serving ones, the newest first
   */
  PosSession(End end, List<Terms> agreements, Draw draw, MakeReady makeReady) {
    super(end.crypto, Side.POS);
    this.end = end;
    this.agreements = new ArrayList<>(agreements);
    this.draw = draw;
    this.makeReady = makeReady;
  }

  /** Takes newer files over, for key exchanges from now on, and one that has begun (PRV-40). */
  void provision(Registry registry, List<Terms> serving) {
    end = end.with(registry);
    agreements = new ArrayList<>(serving);
    if (candidate != null) {
      candidate.responder.provision(end);
    }
  }

  /** What a POS remembers from an M2 until it commits or forgets it. */
  private static final class Candidate {
    final byte[] m1;
    final byte[] m2;
    final Responder responder;
    final long zero;
    long seenAt;

    Candidate(byte[] m1, byte[] m2, Responder responder, long now) {
      this.m1 = m1;
      this.m2 = m2;
      this.responder = responder;
      this.zero = now;
      this.seenAt = now;
    }
  }

  @Override
  void opened(long now) {
    closed(now);
    stream = new Stream(Side.POS);
    madeAt.clear();
  }

  @Override
  void closed(long now) {
    forget();
    if (live != null) {
      over(-1, false, now);
    }
    stream = null;
  }

  private void forget() {
    if (candidate != null) {
      candidate.responder.erase();
      candidate = null;
    }
  }

  /** Whether the HIS is known to have switched (KEX-65). */
  boolean maySpeak() {
    return live != null && live.opener.last >= 0;
  }

  /** Whether a record of the live session opened within the last 25 s (REC-42). */
  boolean hasHeard(long now) {
    return live != null && now < live.openedAt + Timers.SILENT;
  }

  @Override
  void feed(byte[] data, long now) {
    onTimer(now);
    for (Frame frame : frames(data)) {
      if (frame.kind == Frame.M1) {
        takeM1(frame, now);
      } else if (frame.kind == Frame.M3) {
        takeM3(frame, now);
      } else if (frame.kind == Frame.PLAIN_ALERT) {
        takeAlert(frame.body);
      } else {
        takeRecord(frame, now);
      }
    }
  }

  /** It forgets (KEX-37, KEX-79). */
  @Override
  void onTimer(long now) {
    if (candidate != null && now >= candidate.seenAt + Timers.CANDIDATE_LIFE) {
      forget();
    }
    checkAge(now);
  }

  @Override
  long nextTimer() {
    long next = Long.MAX_VALUE;
    if (candidate != null) {
      next = candidate.seenAt + Timers.CANDIDATE_LIFE;
    }
    return live == null ? next : Math.min(next, live.since + Timers.SESSION_AGE_MAX);
  }

  private void takeM1(Frame frame, long now) {
    if (isBusy) {
      stream.alert(AlertCode.ALERT_CODE_BUSY, frame.checksum(), now);
      return;
    }
    if (candidate != null && Arrays.equals(candidate.m1, frame.body)) {
      candidate.seenAt = now;
      stream.send(Frame.M2, candidate.m2);
      return;
    }
    List<Long> recent = new ArrayList<>();
    for (long at : madeAt) {
      if (now < at + Timers.CANDIDATE_WINDOW) {
        recent.add(at);
      }
    }
    try {
      Responder responder = new Responder(end, agreements, draw);
      byte[] m2 = responder.takeM1(frame.body, recent.size() < Limits.CANDIDATES_MAX);
      forget();
      madeAt.clear();
      madeAt.addAll(recent);
      madeAt.add(now);
      candidate = new Candidate(frame.body, m2, responder, now);
      stream.send(Frame.M2, m2);
    } catch (Dropped drop) {
      stream.drop("handshake");
    } catch (Alerted alerted) {
      stream.alert(alerted.code, frame.checksum(), now);
    }
  }

  private void takeM3(Frame frame, long now) {
    if (frame.body.length > Limits.M3_BYTES_MAX) {
      stream.drop("handshake");
      return;
    }
    if (live != null && Arrays.equals(Hashes.sha256(frame.body), liveM3)) {
      if (now < readyAt + Timers.READY_REPEAT_MIN) {
        stream.drop("handshake");
      } else {
        sendReady(now);
      }
      return;
    }
    if (candidate == null) {
      stream.alert(AlertCode.ALERT_CODE_NO_HANDSHAKE, frame.checksum(), now);
      return;
    }
    Keys keys;
    try {
      keys = candidate.responder.takeM3(frame.body);
    } catch (Dropped drop) {
      stream.drop("handshake");
      return;
    } catch (Alerted alerted) {
      forget();
      events.add(
          new SessionEvent.Notice("the terminal is not authentic: " + alerted.getMessage()));
      stream.alert(alerted.code, frame.checksum(), now);
      return;
    }
    if (live != null) {
      live.erase();
    }
    live = new Live(crypto, keys, Side.POS);
    live.since = now;
    live.openedAt = now;
    live.zero = candidate.zero;
    forget();
    liveM3 = Hashes.sha256(frame.body);
    events.add(new SessionEvent.Started(keys.peer, keys.agreementHash, live.zero));
    sendReady(now);
  }

  private void sendReady(long now) {
    readyAt = now;
    send(makeReady.make(live.keys.agreementHash, now), now);
  }

  private void takeRecord(Frame frame, long now) {
    byte[] plaintext;
    try {
      if (live == null) {
        String name = Records.hasSize(frame.body) ? "stale" : "size";
        throw new Dropped(name, "no session");
      }
      plaintext = live.open(frame.body, now);
    } catch (Dropped drop) {
      stream.drop(drop.name);
      if (drop.name.equals("stale")) {
        stream.alert(AlertCode.ALERT_CODE_NO_SESSION, frame.checksum(), now);
      }
      if (live != null && live.hasTooManyForged()) {
        end(AlertCode.ALERT_CODE_BAD_RECORD, now);
      }
      return;
    }
    takePlaintext(plaintext, now);
  }

  private void takeAlert(byte[] body) {
    AlertCode code = plainAlert(body);
    if (code == null) {
      stream.drop("alert");
    } else {
      events.add(new SessionEvent.Notice("plain alert " + code.getNumber() + " of the HIS"));
    }
  }
}
