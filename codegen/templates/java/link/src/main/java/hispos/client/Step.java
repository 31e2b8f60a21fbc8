package hispos.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import hispos.client.messages.Message;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One step of a POS at one instant: the rows that it writes, in one batch, and what is done once
 * they are durable.
 */
final class Step {
  final long now;

  /** The calendar clock; 0 without one. */
  final long unix;

  final Map<Book.Key, ByteString> writes = new LinkedHashMap<>();
  final List<Effect> then = new ArrayList<>();

  /** What is answered first, in that session alone; null without an answer. */
  Message reply;

  PosInbox.Up of;

  Step(long now, long unix) {
    this.now = now;
    this.unix = unix;
  }

  /** One thing to be done: exactly one of these is there. */
  static final class Effect {
    final Ask ask;
    final Message notice;
    final LinkEvent event;
    final String report;

    private Effect(Ask ask, Message notice, LinkEvent event, String report) {
      this.ask = ask;
      this.notice = notice;
      this.event = event;
      this.report = report;
    }
  }

  void answers(PosInbox.Up session, Message with) {
    of = session;
    reply = with;
  }

  /** Writes a row; an earlier write of the same row is replaced. */
  void write(Table table, String key, MessageLite row) {
    Book.Key name = new Book.Key(table, key);
    writes.remove(name);
    writes.put(name, row.toByteString());
  }

  void ask(Ask ask) {
    then.add(new Effect(ask, null, null, null));
  }

  void notice(Message.Builder body) {
    then.add(new Effect(null, body.build(), null, null));
  }

  void event(LinkEvent event) {
    then.add(new Effect(null, null, event, null));
  }

  void report(String orderNo) {
    then.add(new Effect(null, null, null, orderNo));
  }
}
