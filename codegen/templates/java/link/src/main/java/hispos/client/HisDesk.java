package hispos.client;

import hispos.client.messages.HisState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** What one desk of a HIS works with: its session, the ledger of the site, and what it tells. */
final class HisDesk {
  final HisSession session;
  final Ledger ledger;
  final String terminalId;
  final String deviceId;
  final Deque<LinkEvent> events = new ArrayDeque<>();

  /** When an anchor was pinged, null before (ORD-77). */
  Long anchorPinged;

  HisDesk(HisSession session, Ledger ledger, String terminalId, String deviceId) {
    this.session = session;
    this.ledger = ledger;
    this.terminalId = terminalId;
    this.deviceId = deviceId;
  }

  /** Whether this desk's device is the order's own. */
  boolean isOwn(LedgerIndex.Entry order) {
    return order.core.getDeviceId().equals(deviceId);
  }

  /** Whether this desk's device may be asked about an order: it is its own, or its row names it. */
  boolean isAskedAbout(LedgerIndex.Entry order) {
    return isOwn(order) || order.row.getDevicesList().contains(deviceId);
  }

  /** The open orders of this device, and those that it is asked about beside their own (ORD-71). */
  List<LedgerIndex.Entry> open() {
    List<LedgerIndex.Entry> found = new ArrayList<>();
    for (LedgerIndex.Entry order : ledger.index.open()) {
      boolean isAsking = order.row.getState() == HisState.HIS_STATE_ASKING;
      if (isOwn(order) || (isAsking && isAskedAbout(order))) {
        found.add(order);
      }
    }
    return found;
  }

  void tell(LinkEvent event) {
    events.add(event);
  }

  void alarm(Alarm.Kind kind, String orderNo, String text) {
    tell(new LinkEvent.Alarmed(new Alarm(kind, orderNo, text)));
  }

  /** Tells what the ledger alarms about. */
  void tellAlarms() {
    for (Alarm alarm = ledger.pollAlarm(); alarm != null; alarm = ledger.pollAlarm()) {
      tell(new LinkEvent.Alarmed(alarm));
    }
  }
}
