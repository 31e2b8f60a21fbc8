package hispos.client;

/** Carries questions out by a vendor's payment code, and says what the answers prove. */
public final class Payments {
  /** The boot clock. */
  public interface Clock {
    /** Milliseconds since the boot of the machine. */
    long now();
  }

  private Payments() {}

  /** Exactly one verdict, also when the payment code fails (PAY-10). Erases the payment code. */
  public static Verdict carryOut(PaymentPlatform platform, Ask ask, Clock clock) {
    long began = clock.now();
    try {
      PaymentPlatform.Answer answer = call(platform, ask);
      Proof proof;
      String code;
      try {
        Reply reply = new Reply(answer.parts);
        proof = reply.proof(platform.profile(), ask);
        code = reply.providerCode(platform.profile(), ask);
      } catch (Untrusted untrusted) {
        return open(ask, answer.firstByte, clock.now());
      }
      return new Verdict(ask.id, proof, code, answer.date, answer.firstByte, clock.now(), true);
    } catch (NoAnswer missing) {
      return open(ask, missing.firstByte, clock.now());
    } catch (RuntimeException | Error failed) {
      // Nobody knows how far it came: it counts as written from its beginning.
      return open(ask, began, clock.now());
    } finally {
      if (ask.code != null) {
        ask.code.erase();
      }
    }
  }

  private static Verdict open(Ask ask, Long firstByte, long ended) {
    return new Verdict(ask.id, Proof.of(Proof.Name.OPEN), "", 0, firstByte, ended, false);
  }

  private static PaymentPlatform.Answer call(PaymentPlatform platform, Ask ask) throws NoAnswer {
    switch (ask.request) {
      case VERIFY:
        return platform.verify(ask);
      case QUERY:
        return platform.query(ask);
      case PAY:
        return platform.pay(ask);
      case REVERSE:
        return platform.reverse(ask);
      case REFUND:
        return platform.refund(ask);
      default:
        return platform.queryRefund(ask);
    }
  }
}
