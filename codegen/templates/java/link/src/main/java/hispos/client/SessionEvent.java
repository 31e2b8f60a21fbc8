package hispos.client;

import hispos.client.messages.Message;

/** What a session tells the link above it. */
abstract class SessionEvent {
  /** A session is live, under an agreement; its zero is that of session time (ORD-4, ORD-5). */
  static final class Started extends SessionEvent {
    final String peer;
    final byte[] agreementHash;
    final long zero;

    Started(String peer, byte[] agreementHash, long zero) {
      this.peer = peer;
      this.agreementHash = agreementHash;
      this.zero = zero;
    }
  }

  /** The live session is over; the code is that of the alert, -1 without one. */
  static final class Ended extends SessionEvent {
    final int code;
    final boolean byPeer;

    Ended(int code, boolean byPeer) {
      this.code = code;
      this.byPeer = byPeer;
    }
  }

  /** A message of the live session that is no alert. */
  static final class Received extends SessionEvent {
    final Message message;

    /** The session in which it came: it is answered in that one alone (MSG-13). */
    final Live live;

    Received(Message message, Live live) {
      this.message = message;
      this.live = live;
    }
  }

  /** Something for the operator, in English, without any secret. */
  static final class Notice extends SessionEvent {
    final String text;

    Notice(String text) {
      this.text = text;
    }
  }
}
