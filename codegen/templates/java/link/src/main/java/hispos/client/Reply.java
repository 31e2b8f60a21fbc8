package hispos.client;

import hispos.client.Answers.Call;
import hispos.client.Answers.Profile;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * A trusted answer of a platform, read into one shape, and what it proves (payment, section "From an
 * answer to a proof"). A part that the platform did not say is missing.
 */
public final class Reply {
  private static final String CURRENCY = "CNY";
  private static final Set<String> TEXTS =
      new HashSet<>(
          Arrays.asList(
              "code",
              "sub_code",
              "account",
              "sub_account",
              "number",
              "trade_state",
              "currency",
              "payment_no",
              "refund_number",
              "refund_id",
              "refund_status",
              "fund_change"));
  private static final Set<String> NUMBERS =
      new HashSet<>(
          Arrays.asList("total", "captured_at", "refunded", "refund_amount", "refunded_at"));

  private final Map<String, String> texts = new HashMap<>();
  private final Map<String, Long> numbers = new HashMap<>();

  /**
   * Takes the parts: texts as {@code String}, amounts in fen and Unix seconds as {@code Long}. Others
   * are ignored.
   *
   * @throws Untrusted if a part has another type than it should (PAY-15)
   */
  public Reply(Map<String, ?> parts) throws Untrusted {
    for (Map.Entry<String, ?> part : parts.entrySet()) {
      Object value = part.getValue();
      if (TEXTS.contains(part.getKey()) && value != null) {
        if (!(value instanceof String)) {
          throw new Untrusted(part.getKey());
        }
        texts.put(part.getKey(), (String) value);
      } else if (NUMBERS.contains(part.getKey()) && value != null) {
        if (!(value instanceof Long) || (Long) value < 0) {
          throw new Untrusted(part.getKey());
        }
        numbers.put(part.getKey(), (Long) value);
      }
    }
    if (!texts.containsKey("code")) {
      throw new Untrusted("code");
    }
  }

  private String text(String name) {
    String found = texts.get(name);
    return found == null ? "" : found;
  }

  private boolean isOther(String name, String asked) {
    return texts.containsKey(name) && !texts.get(name).equals(asked);
  }

  private boolean isOther(String name, long asked) {
    return numbers.containsKey(name) && numbers.get(name) != asked;
  }

  /** What it proves as the answer to a question, under a dialect (PAY-16 to PAY-30). */
  public Proof proof(Profile profile, Ask ask) throws Untrusted {
    if (isOther("number", ask.number.isEmpty() ? null : ask.number)) {
      throw new Untrusted("number");
    }
    boolean isOfRefund =
        ask.request == Ask.Request.REFUND || ask.request == Ask.Request.QUERY_REFUND;
    if (isOther("refund_number", isOfRefund ? ask.refundNumber : null)
        || (isOfRefund && isOther("refund_amount", ask.amount))) {
      throw new Untrusted("refund");
    }
    Call call = call(ask.request);
    Answers.Verdict found = listed(profile, call);
    String differs = differs(ask);
    if (differs != null) {
      Capture capture = found == null ? null : money(found);
      if (call == Call.QUERY && capture != null) {
        return Proof.money(Proof.Name.MISMATCH, capture);
      }
      throw new Untrusted(differs);
    }
    if (found == null) {
      // A signed answer other than success to a verification says that the credentials are not right.
      return Proof.of(
          call == Call.VERIFY ? Proof.Name.MERCHANT_REFUSED : Proof.Name.OPEN);
    }
    return proof(found);
  }

  /** The code for support (PAY-31). */
  public String providerCode(Profile profile, Ask ask) {
    String word = word(profile, call(ask.request)).text;
    String code = word.isEmpty() ? text("code") : word;
    StringBuilder shown = new StringBuilder();
    for (int place = 0; place < code.length(); place++) {
      char letter = code.charAt(place);
      if (letter > ' ' && letter < 0x7F && shown.length() < Limits.PROVIDER_CODE_BYTES_MAX) {
        shown.append(letter);
      }
    }
    return shown.toString();
  }

  private static Call call(Ask.Request request) {
    return Call.valueOf(request.name());
  }

  /** A code, or a state that a successful call told (PAY-20). */
  private static final class Word {
    final String text;
    final boolean isState;

    Word(String text, boolean isState) {
      this.text = text;
      this.isState = isState;
    }
  }

  private Word word(Profile profile, Call call) {
    boolean isAlipay = profile == Profile.ALIPAY;
    String code = text("code");
    if (!code.equals(isAlipay ? "10000" : "SUCCESS")) {
      if (isAlipay && code.equals("40004")) {
        String sub = text("sub_code");
        return new Word(sub.startsWith("ACQ.") ? sub.substring(4) : sub, false);
      }
      return new Word(code, false);
    }
    switch (call) {
      case PAY:
        String state = text("trade_state");
        boolean isPaid =
            state.isEmpty()
                || state.equals("SUCCESS")
                || state.equals("TRADE_SUCCESS")
                || state.equals("TRADE_FINISHED");
        return isPaid ? new Word(code, false) : new Word("", true);
      case QUERY:
        return new Word(text("trade_state"), true);
      case REFUND:
        if (isAlipay) {
          String change = text("fund_change");
          boolean isKnown = change.equals("Y") || change.equals("N");
          return new Word(isKnown ? "FUND_CHANGE_" + change : "", true);
        }
        return new Word(text("refund_status"), true);
      case QUERY_REFUND:
        return isAlipay && text("refund_status").isEmpty()
            ? new Word("NO_REFUND_STATUS", false)
            : new Word(text("refund_status"), true);
      default:
        return new Word(code, false);
    }
  }

  /** The verdict of the word's row, or null (PAY-21 to PAY-24). */
  private Answers.Verdict listed(Profile profile, Call call) {
    Word word = word(profile, call);
    boolean isRefundState = word.isState && call == Call.REFUND && profile != Profile.ALIPAY;
    Answers.Verdict found =
        Answers.of(profile, isRefundState ? Call.QUERY_REFUND : call, word.text);
    boolean asks = call == Call.QUERY || call == Call.QUERY_REFUND;
    boolean isAbsent = found == Answers.Verdict.ABSENT;
    if ((word.isState && isAbsent) || (!word.isState && asks && !isAbsent)) {
      return null;
    }
    return found;
  }

  private String differs(Ask ask) {
    if (isOther("account", ask.merchant.account)
        || isOther("sub_account", ask.merchant.subAccount)) {
      return "merchant";
    }
    if (isOther("currency", CURRENCY)) {
      return "currency";
    }
    return isOther("total", ask.total) ? "total" : null;
  }

  private Proof proof(Answers.Verdict found) {
    Capture capture = money(found);
    long refunded = numbers.containsKey("refunded") ? numbers.get("refunded") : 0;
    switch (found) {
      case CAPTURED:
        return capture == null
            ? Proof.of(Proof.Name.OPEN)
            : Proof.money(Proof.Name.CAPTURED, capture);
      case CAPTURED_AND_REFUNDED:
        return capture == null
            ? Proof.of(Proof.Name.OPEN)
            : Proof.capturedAndRefunded(capture, refunded);
      case CLOSED:
        if (capture != null) {
          return Proof.capturedAndRefunded(capture, refunded);
        }
        // Money moved, and the answer does not say which.
        return Proof.of(isClosedAfterPayment() ? Proof.Name.OPEN : Proof.Name.CLOSED);
      case DEAD:
        return Proof.of(Proof.Name.REFUSED);
      case REFUNDED:
        Long at = numbers.get("refunded_at");
        return Proof.refunded(ownNumber("refund_id"), at == null ? 0 : at);
      case NOT_REFUNDED:
        return Proof.notRefunded(texts.containsKey("refund_status"));
      default:
        return Proof.of(Proof.Name.valueOf(found.name()));
    }
  }

  /** The money that a row tells of, or null (PAY-25). */
  private Capture money(Answers.Verdict found) {
    boolean tells =
        found == Answers.Verdict.CAPTURED
            || found == Answers.Verdict.CAPTURED_AND_REFUNDED
            || (found == Answers.Verdict.CLOSED && isClosedAfterPayment());
    String paymentNo = ownNumber("payment_no");
    if (!tells || paymentNo.isEmpty() || !numbers.containsKey("total")) {
      return null;
    }
    Long at = numbers.get("captured_at");
    return new Capture(paymentNo, numbers.get("total"), at == null ? 0 : at);
  }

  private boolean isClosedAfterPayment() {
    Long refunded = numbers.get("refunded");
    return text("trade_state").equals("TRADE_CLOSED")
        && (numbers.containsKey("captured_at") || (refunded != null && refunded > 0));
  }

  private String ownNumber(String name) {
    String told = text(name);
    return told.matches("[!-~]{1," + Limits.PAYMENT_NO_BYTES_MAX + "}") ? told : "";
  }
}
