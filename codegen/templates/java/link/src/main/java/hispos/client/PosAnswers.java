package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.Health;
import hispos.client.messages.ListOrders;
import hispos.client.messages.Message;
import hispos.client.messages.OrderItem;
import hispos.client.messages.OrderList;
import hispos.client.messages.PeerRow;
import hispos.client.messages.Ping;
import hispos.client.messages.Pong;
import hispos.client.messages.PosOrder;
import hispos.client.messages.ReportResult;
import hispos.client.messages.SessionReady;
import hispos.client.messages.Sync;
import hispos.client.messages.SyncReply;
import hispos.client.messages.Table;
import hispos.client.messages.Terminal;
import hispos.client.messages.TerminalManifest;
import hispos.client.messages.Unsupported;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a POS answers HIS: orders by its flow, the rest by its journal (messages). */
final class PosAnswers {
  private final PosLink.Config config;
  private final PosFlow flow;
  private final PosRequests requests;
  private final Journal journal;
  private final String siteId;
  private final Map<String, Terminal> terminals = new HashMap<>();

  /** Whether the journal has room above its reserve. */
  boolean hasStorage = true;

  PosAnswers(PosLink.Config config, PosFlow flow, Journal journal, String siteId) {
    this.config = config;
    this.flow = flow;
    this.requests = new PosRequests(flow);
    this.journal = journal;
    this.siteId = siteId;
    provision(config.terminals);
  }

  void provision(TerminalManifest newer) {
    terminals.clear();
    for (Terminal terminal : newer.getTerminalsList()) {
      terminals.put(terminal.getTerminalId(), terminal);
    }
  }

  /** The first message of a session, serialised. */
  byte[] ready(byte[] agreementHash, long at) {
    Agreement agreement = flow.context.agreements.hashed(agreementHash);
    SessionReady ready =
        SessionReady.newBuilder()
            .setRun(flow.context.run)
            .setPosTime(journal.book.unix())
            .setSoftware(config.software)
            .setSimulated(agreement != null && agreement.getSimulated())
            .build();
    return Message.newBuilder().setReady(ready).build().toByteArray();
  }

  /** The report of an order's latest result, or null without one. */
  ReportResult.Builder report(String orderNo) {
    PosOrder row = flow.row(orderNo);
    if (row == null || row.getResult().isEmpty()) {
      return null;
    }
    return ReportResult.newBuilder()
        .setResult(row.getResult())
        .setSignature(row.getSignature())
        .setJournal(Bytes.field(journal.book.anchor()));
  }

  /** The answer to a message of a terminal's session that began at zero, or null: there is none. */
  Message.Builder answer(Message message, String peer, long zero, Step step) {
    loadRow(message, step.now);
    return body(message, peer, zero, step);
  }

  /** The row that a request is about, if this run does not know it yet. */
  private void loadRow(Message message, long at) {
    String orderNo = orderOf(message);
    PosOrder row = orderNo == null || flow.knows(orderNo) ? null : journal.order(orderNo);
    if (row != null) {
      flow.load(row, false, at);
    }
  }

  private static String orderOf(Message message) {
    ByteString core;
    switch (message.getBodyCase()) {
      case SUBMIT_ORDER:
        core = message.getSubmitOrder().getCore();
        break;
      case CANCEL_ORDER:
        core = message.getCancelOrder().getCore();
        break;
      case LOOK_UP:
        core = message.getLookUp().getCore();
        break;
      case QUERY_ORDER:
        return message.getQueryOrder().getOrderNo();
      case CONFIRM_RESULT:
        return message.getConfirmResult().getOrderNo();
      default:
        return null;
    }
    try {
      return Orders.readCore(Bytes.of(core)).getOrderNo();
    } catch (Malformed error) {
      return null;
    }
  }

  private Message.Builder body(Message message, String peer, long zero, Step step) {
    switch (message.getBodyCase()) {
      case SYNC:
        return sync(message.getSync(), step);
      case SUBMIT_ORDER:
        return requests.submit(message.getSubmitOrder(), around(peer, zero), step);
      case QUERY_ORDER:
        return requests.query(message.getQueryOrder(), step);
      case CANCEL_ORDER:
        return requests.cancel(message.getCancelOrder(), step);
      case LOOK_UP:
        return requests.lookUp(message.getLookUp(), step);
      case LIST_ORDERS:
        return Message.newBuilder().setOrderList(list(message.getListOrders()));
      case GET_TOTALS:
        int day = message.getGetTotals().getBusinessDay();
        return Message.newBuilder()
            .setTotals(DayCount.of(config.deviceId, day, journal.orders()));
      case PING:
        return pong(message.getPing(), step);
      case CONFIRM_RESULT:
        if (message.getReplyTo() != 0) {
          flow.confirmed(message.getConfirmResult(), step);
          seeLedger(message.getConfirmResult().getLedger(), step);
          return null;
        }
        break;
      default:
        break;
    }
    return Message.newBuilder().setUnsupported(Unsupported.getDefaultInstance());
  }

  private PosRequests.Around around(String peer, long zero) {
    Terminal terminal = terminals.get(peer);
    boolean isActive = terminal != null && terminal.getRevocationValue() == 0;
    List<Integer> serving = new ArrayList<>();
    for (Agreements.Signed signed : flow.context.agreements.serving()) {
      serving.add(signed.agreement.getAgreementNo());
    }
    return new PosRequests.Around(peer, isActive, zero, serving, hasStorage);
  }

  private Message.Builder sync(Sync sync, Step step) {
    ByteString seen = journal.ledgerSeen(siteId);
    byte[] anchor = Bytes.of(sync.getJournalSeen());
    boolean isMissing = journal.book.containment(anchor) == Book.Containment.MISSING;
    flow.synced(!isMissing, step);
    seeLedger(sync.getLedger(), step);
    return Message.newBuilder()
        .setSyncReply(
            SyncReply.newBuilder()
                .setJournal(Bytes.field(journal.book.anchor()))
                .setLedgerSeen(seen));
  }

  /** Stores a newer anchor of the site's ledger (ORD-69). */
  private void seeLedger(ByteString field, Step step) {
    byte[] anchor = Bytes.of(field);
    if (anchor.length != Book.ANCHOR_BYTES) {
      return;
    }
    byte[] known = Bytes.of(journal.ledgerSeen(siteId));
    boolean isOlder =
        known.length == Book.ANCHOR_BYTES
            && Bytes.number(known, 0, 8) == Bytes.number(anchor, 0, 8)
            && Long.compareUnsigned(Bytes.number(anchor, 8, 8), Bytes.number(known, 8, 8)) <= 0;
    if (!isOlder) {
      step.write(Table.TABLE_PEER, siteId, PeerRow.newBuilder().setAnchor(field).build());
    }
  }

  private Message.Builder pong(Ping ping, Step step) {
    seeLedger(ping.getLedger(), step);
    Health.Builder health =
        Health.newBuilder().setStorageLow(!hasStorage).setClockMissing(step.unix == 0);
    for (Merchant merchant : flow.context.verified) {
      if (merchant.channel == Channel.CHANNEL_WECHAT) {
        health.setWechatVerified(true);
      } else {
        health.setAlipayVerified(true);
      }
    }
    return Message.newBuilder()
        .setPong(
            Pong.newBuilder()
                .setJournal(Bytes.field(journal.book.anchor()))
                .setHealth(health));
  }

  private OrderList list(ListOrders wanted) {
    ByteString own = Bytes.field(journal.book.id());
    long from = wanted.getBook().equals(own) ? wanted.getSeq() : 0;
    List<String> found = journal.after(from, Limits.LIST_ITEMS_MAX + 1);
    OrderList.Builder list =
        OrderList.newBuilder().setBook(own).setMore(found.size() > Limits.LIST_ITEMS_MAX);
    int most = Math.min(found.size(), Limits.LIST_ITEMS_MAX);
    for (String orderNo : found.subList(0, most)) {
      PosOrder order = journal.order(orderNo);
      list.addItems(
          OrderItem.newBuilder()
              .setSeq(journal.version(orderNo))
              .setCore(order.getCore())
              .setResult(order.getResult())
              .setSignature(order.getSignature())
              .setDispositionValue(order.getAnsweredValue())
              .setStage(Life.stageOf(order.getState())));
      Message whole =
          Message.newBuilder().setReplyTo(-1).setOrderList(list.build()).build();
      if (whole.getSerializedSize() > Limits.PLAINTEXT_BYTES_MAX && list.getItemsCount() > 1) {
        list.removeItems(list.getItemsCount() - 1);
        return list.setMore(true).build();
      }
    }
    return list.build();
  }
}
