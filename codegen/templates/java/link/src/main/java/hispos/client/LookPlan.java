package hispos.client;

import hispos.client.messages.HisOrder;
import hispos.client.messages.HisOrderOrBuilder;
import hispos.client.messages.HisState;

/** When an order that has ended is looked at again (orders, section "Asking again"). */
final class LookPlan {
  /** No look is due, ever. */
  static final long NEVER = Long.MAX_VALUE;

  /** Of an orphan: nobody looks at it later (ORD-212). */
  static final int NO_LOOKS = -1;

  private static final long DAY = 86_400;
  private static final long[] AFTER_END = {600, 3_600, DAY};
  private static final int ATTENTION_LOOKS = 30;

  private LookPlan() {}

  /** Whether a status may be refuted by a later look; an unknown one is unknown, too (ORD-44). */
  static boolean restsOnAbsence(int status) {
    Texts.Meaning meaning = Texts.STATUS.get(status);
    return meaning == null || meaning.restsOnAbsence;
  }

  /** The Unix seconds from which an order's next look is due (ORD-211, ORD-212). */
  static long due(HisOrderOrBuilder order) {
    int nth = order.getLookedAgain();
    HisState state = order.getState();
    if (state == HisState.HIS_STATE_ATTENTION) {
      boolean isOver = order.getOrphan() || Integer.compareUnsigned(nth, ATTENTION_LOOKS) >= 0;
      return isOver ? NEVER : order.getEndedAt() + DAY * (nth + 1);
    }
    boolean isNothing =
        state == HisState.HIS_STATE_NOT_PAID || state == HisState.HIS_STATE_NOT_REFUNDED;
    if (!isNothing
        || order.getResult().isEmpty()
        || Integer.compareUnsigned(nth, AFTER_END.length) >= 0) {
      return NEVER;
    }
    int status = Orders.result(order.getResult()).getStatusValue();
    boolean isLooked = Texts.STATUS.get(status) != null && restsOnAbsence(status);
    return isLooked ? order.getEndedAt() + AFTER_END[nth] : NEVER;
  }

  /** Counts a look that was due (ORD-213); false if none was. */
  static boolean count(HisOrder.Builder order, long unix) {
    long due = due(order);
    if (due == NEVER || due > unix) {
      return false;
    }
    order.setLookedAgain(order.getLookedAgain() + 1);
    return true;
  }

  /** Whether the last look has proved no refund, and the item is free again (ORD-208). */
  static boolean provesNoRefund(HisOrderOrBuilder order) {
    return order.getState() == HisState.HIS_STATE_NOT_REFUNDED
        && !order.getResult().isEmpty()
        && order.getLookedAgain() != 0
        && due(order) == NEVER
        && restsOnAbsence(Orders.result(order.getResult()).getStatusValue());
  }
}
