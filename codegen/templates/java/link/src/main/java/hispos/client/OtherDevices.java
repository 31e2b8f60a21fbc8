package hispos.client;

import hispos.client.messages.HisState;
import java.util.ArrayList;
import java.util.List;

/** Orders that this desk's device is asked about beside their own (orders, "Another device"). */
final class OtherDevices {
  private final HisDesk desk;

  OtherDevices(HisDesk desk) {
    this.desk = desk;
  }

  private long quietFrom(LedgerIndex.Entry order) {
    return order.row.getLeasedUntil() + desk.ledger.site().quiet();
  }

  /** Whether this desk's device may be asked now: it is the own one, or that is quiet (ORD-215). */
  boolean mayAsk(LedgerIndex.Entry order, long now) {
    return desk.isOwn(order) || now >= quietFrom(order);
  }

  /**
   * Orders in Asking whose own device is revoked, which no device in use is asked about yet
   * (ORD-218).
   */
  private List<LedgerIndex.Entry> abandoned() {
    List<LedgerIndex.Entry> found = new ArrayList<>();
    Site site = desk.ledger.site();
    if (!site.mayOrder(desk.deviceId)) {
      return found;
    }
    for (LedgerIndex.Entry order : desk.ledger.index.open()) {
      boolean isInUse = site.mayOrder(order.core.getDeviceId());
      for (String device : order.row.getDevicesList()) {
        isInUse |= site.mayOrder(device);
      }
      if (!isInUse && order.row.getState() == HisState.HIS_STATE_ASKING) {
        found.add(order);
      }
    }
    return found;
  }

  /** Takes abandoned orders on, as soon as that is allowed. */
  void takeOn(long now) {
    for (LedgerIndex.Entry order : abandoned()) {
      if (now >= quietFrom(order)) {
        desk.ledger.nameDevice(order.orderNo, desk.deviceId);
      }
    }
  }

  /** The instant at which the next order of another device may be asked about. */
  long nextTimer(long now) {
    List<LedgerIndex.Entry> waiting = abandoned();
    for (LedgerIndex.Entry order : desk.open()) {
      if (!desk.isOwn(order)) {
        waiting.add(order);
      }
    }
    long next = Long.MAX_VALUE;
    for (LedgerIndex.Entry order : waiting) {
      long at = quietFrom(order);
      next = at > now ? Math.min(next, at) : next;
    }
    return next;
  }
}
