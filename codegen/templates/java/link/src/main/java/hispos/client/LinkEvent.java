package hispos.client;

import hispos.client.messages.Disposition;
import hispos.client.messages.Stage;
import hispos.client.messages.Totals;

/** What a link tells the program around it. */
public abstract class LinkEvent {
  LinkEvent() {}

  /** A HIS: the session is past Sync, orders can be made. */
  public static final class Ready extends LinkEvent {
    @Override
    public String toString() {
      return "ready";
    }
  }

  /** A HIS: the device's list of orders was pulled to its end. */
  public static final class Pulled extends LinkEvent {
    @Override
    public String toString() {
      return "pulled";
    }
  }

  /** A HIS: what the device counts for a business day (ORD-246). */
  public static final class TotalsTold extends LinkEvent {
    /** As YYYYMMDD. */
    public final int businessDay;

    /** To be compared with what the ledger counts of this device (ORD-251). */
    public final Totals totals;

    TotalsTold(int businessDay, Totals totals) {
      this.businessDay = businessDay;
      this.totals = totals;
    }

    @Override
    public String toString() {
      return "totals of " + businessDay + ": " + totals.getOpen() + " open";
    }
  }

  /** There is no session: open orders are unknown, never failed (ORD-79). */
  public static final class Down extends LinkEvent {
    @Override
    public String toString() {
      return "down";
    }
  }

  /** How far an order is; never its end (MSG-32). */
  public static final class Progress extends LinkEvent {
    /** The order. */
    public final String orderNo;

    /** What the terminal does. */
    public final Stage stage;

    /** Until the terminal's time for it is over. */
    public final int secondsLeft;

    Progress(String orderNo, Stage stage, int secondsLeft) {
      this.orderNo = orderNo;
      this.stage = stage;
      this.secondsLeft = secondsLeft;
    }

    @Override
    public String toString() {
      return "progress of " + orderNo + ": " + stage + ", " + secondsLeft + " s left";
    }
  }

  /** An order has ended, and its result is durable. Its row says how. */
  public static final class OrderEnded extends LinkEvent {
    /** The order. */
    public final String orderNo;

    OrderEnded(String orderNo) {
      this.orderNo = orderNo;
    }

    @Override
    public String toString() {
      return "ended: " + orderNo;
    }
  }

  /** The terminal refused a request about an order. The order has not ended. */
  public static final class Rejected extends LinkEvent {
    /** The order. */
    public final String orderNo;

    /** The code, also one that this client does not know. */
    public final int code;

    Rejected(String orderNo, int code) {
      this.orderNo = orderNo;
      this.code = code;
    }

    @Override
    public String toString() {
      return "rejected with " + code + ": " + orderNo;
    }
  }

  /** A POS: a new order is durable, and waits for a code if it collects. */
  public static final class Accepted extends LinkEvent {
    /** The order. */
    public final String orderNo;

    /** In fen, with its sign. */
    public final long amount;

    Accepted(String orderNo, long amount) {
      this.orderNo = orderNo;
      this.amount = amount;
    }

    @Override
    public String toString() {
      return "accepted: " + orderNo + ", " + Amounts.show(amount);
    }
  }

  /** A POS: a terminal has authenticated a session. */
  public static final class Up extends LinkEvent {
    /** Which. */
    public final String terminalId;

    Up(String terminalId) {
      this.terminalId = terminalId;
    }

    @Override
    public String toString() {
      return "up: " + terminalId;
    }
  }

  /** A POS: HIS has answered a result. */
  public static final class Answered extends LinkEvent {
    /** The order. */
    public final String orderNo;

    /** What HIS did with the result. */
    public final Disposition disposition;

    Answered(String orderNo, Disposition disposition) {
      this.orderNo = orderNo;
      this.disposition = disposition;
    }

    @Override
    public String toString() {
      return "answered: " + orderNo + ", " + disposition;
    }
  }

  /** A POS: a platform has told whether credentials are right. */
  public static final class MerchantChecked extends LinkEvent {
    /** Whose. */
    public final Merchant merchant;

    /** Whether they are. */
    public final boolean verified;

    MerchantChecked(Merchant merchant, boolean verified) {
      this.merchant = merchant;
      this.verified = verified;
    }

    @Override
    public String toString() {
      return merchant + (verified ? " is verified" : " is refused");
    }
  }

  /** People have to know. */
  public static final class Alarmed extends LinkEvent {
    /** What. */
    public final Alarm alarm;

    Alarmed(Alarm alarm) {
      this.alarm = alarm;
    }

    @Override
    public String toString() {
      return alarm.toString();
    }
  }

  /** Something for the operator, in English, without any secret. */
  public static final class Notice extends LinkEvent {
    /** What. */
    public final String text;

    Notice(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
