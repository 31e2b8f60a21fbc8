package hispos.client;

import static hispos.client.Vectors.same;
import static hispos.client.Vectors.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import hispos.client.Vectors.Tally;
import hispos.client.messages.Channel;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Replays the vectors of payment codes and of what platforms' answers prove. */
final class PaymentVectors {
  private static final String NUMBER = "SIM1BR816CGQ7VC793192XF6W";
  private static final String REFUND = "SIM1BAAAAAAAAAAAAAAAAAAAR";

  private PaymentVectors() {}

  static void codes(JsonObject file, Tally tally) {
    tally.all(file, PaymentVectors::code);
  }

  private static void code(JsonObject one) {
    Scan scan = Scan.of(text(one, "text"));
    if (scan.refused != null) {
      same("reaction", text(one, "reaction"), scan.refused.name().toLowerCase(Locale.ROOT));
      return;
    }
    same("result", text(one, "result"), "valid");
    same("channel", one.get("channel").getAsInt(), scan.channel.getNumber());
    same("digits", text(one, "digits"), new String(scan.code.digits()));
  }

  static void verdicts(JsonObject file, Tally tally) {
    tally.all(file, PaymentVectors::verdict);
  }

  private static Ask ask(Answers.Call call) {
    Merchant merchant = new Merchant(Channel.CHANNEL_WECHAT, "1900000109", "1900000110", true);
    Ask.Request request = Ask.Request.valueOf(call.name());
    boolean isOfRefund = request == Ask.Request.REFUND || request == Ask.Request.QUERY_REFUND;
    Ask.What what = isOfRefund ? Ask.What.refund(request, REFUND, 800) : Ask.What.of(request);
    boolean isVerify = request == Ask.Request.VERIFY;
    return new Ask(
        1, merchant, isVerify ? "" : NUMBER, isVerify ? 0 : 8800, what, Long.MAX_VALUE, Waits.USUAL);
  }

  private static void verdict(JsonObject one) {
    Answers.Profile profile =
        Answers.Profile.valueOf(text(one, "profile").toUpperCase(Locale.ROOT));
    Ask ask = ask(Answers.Call.valueOf(text(one, "call").toUpperCase(Locale.ROOT)));
    Map<String, Object> parts = new TreeMap<>();
    for (Map.Entry<String, JsonElement> part : one.getAsJsonObject("reply").entrySet()) {
      parts.put(part.getKey(), Shown.json(part.getValue()));
    }
    Proof proof;
    String code;
    try {
      Reply reply = new Reply(parts);
      proof = reply.proof(profile, ask);
      code = reply.providerCode(profile, ask);
    } catch (Untrusted untrusted) {
      proof = Proof.of(Proof.Name.OPEN);
      code = "";
      same("result", text(one, "result"), "invalid");
    }
    same("proof", text(one, "proof"), shown(proof));
    same("provider_code", text(one, "provider_code"), code);
  }

  private static String shown(Proof proof) {
    return proof.name.name().toLowerCase(Locale.ROOT);
  }
}
