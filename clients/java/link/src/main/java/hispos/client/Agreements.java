package hispos.client;

import hispos.client.messages.AgreedTimers;
import hispos.client.messages.Agreement;
import hispos.client.messages.BusinessDay;
import hispos.client.messages.FileKind;
import java.util.Calendar;
import java.util.List;
import java.util.Locale;
import java.util.TimeZone;

/** Agreements: verified before anything of them is used (provisioning). */
public final class Agreements {
  private static final long DAY_SECONDS = 86400;

  private Agreements() {}

  /** An agreement that both its organisations signed, and its hash. */
  public static final class Signed {
    /** What was agreed. */
    public final Agreement agreement;

    /** Over the payload as received. */
    public final byte[] hash;

    Signed(Agreement agreement, byte[] hash) {
      this.agreement = agreement;
      this.hash = hash;
    }
  }

  /**
   * Verifies an agreement (PRV-19 to PRV-27). Whether people have confirmed the fingerprints of its
   * keys is the caller's to ask (PRV-3).
   */
  public static Signed read(Crypto crypto, byte[] data) throws FileRefused {
    SignedFiles.File file = SignedFiles.read(data, FileKind.FILE_KIND_AGREEMENT);
    Agreement agreement = Bytes.parsed(Agreement.parser(), file.payload);
    judge(agreement);
    if (!file.isSignedBy(crypto, Bytes.of(agreement.getHisOrganisationKey()))
        || !file.isSignedBy(crypto, Bytes.of(agreement.getPosOrganisationKey()))) {
      throw new FileRefused("PRV-25", "not signed by both organisations");
    }
    return new Signed(agreement, Hashes.sha256(file.payload));
  }

  private static void judge(Agreement agreement) throws FileRefused {
    if (!agreement.getCurrency().equals("CNY")
        || !ascend(agreement.getVersionsList())
        || !ascend(agreement.getSuitesList())) {
      throw new FileRefused("PRV-19", "currency, or versions and suites that do not ascend");
    }
    byte[] his = Bytes.of(agreement.getHisOrganisationKey());
    byte[] pos = Bytes.of(agreement.getPosOrganisationKey());
    if (Bytes.compare(his, pos) == 0
        || !Signatures.isUsableKey(his)
        || !Signatures.isUsableKey(pos)) {
      throw new FileRefused("PRV-20", "an organisation key is unusable");
    }
    if (isAbove(agreement.getAmounts().getCollectMax(), Limits.AMOUNT_FEN_MAX)
        || isAbove(agreement.getAmounts().getRefundMax(), Limits.AMOUNT_FEN_MAX)) {
      throw new FileRefused("PRV-21", "an amount limit is too high");
    }
    BusinessDay day = agreement.getBusinessDay();
    boolean hasOffset = day.getUtcOffsetMinutes() >= -720 && day.getUtcOffsetMinutes() <= 840;
    if (!hasOffset || isAbove(day.getCutMinutes() & 0xFFFFFFFFL, 1439)) {
      throw new FileRefused("PRV-22", "the business day");
    }
    if (!agreement.hasWechat() && !agreement.hasAlipay()) {
      throw new FileRefused("PRV-23", "no merchant");
    }
    if (agreement.getSiteCode().startsWith("SIM") != agreement.getSimulated()) {
      throw new FileRefused("PRV-24", "site code and simulation disagree");
    }
    if (!agreement.getSimulated()) {
      judge(agreement.getTimers());
    }
  }

  private static void judge(AgreedTimers timers) throws FileRefused {
    long fence = timers.getFence() & 0xFFFFFFFFL;
    long quiet = timers.getQuiet() & 0xFFFFFFFFL;
    if ((timers.getDrift() & 0xFFFFFFFFL) < Timers.DRIFT
        || (timers.getReverseMin() & 0xFFFFFFFFL) < Timers.REVERSE_MIN
        || fence < Timers.FENCE
        || quiet < Timers.QUIET) {
      throw new FileRefused("PRV-26", "a protecting timer is too short");
    }
    if (quiet < (timers.getHttp() & 0xFFFFFFFFL) + fence
        || fence < (timers.getExpiry() & 0xFFFFFFFFL)) {
      throw new FileRefused("PRV-27", "timers that do not add up");
    }
  }

  private static boolean isAbove(long value, long most) {
    return Long.compareUnsigned(value, most) > 0;
  }

  private static boolean ascend(List<Integer> numbers) {
    for (int place = 1; place < numbers.size(); place++) {
      if (Integer.compareUnsigned(numbers.get(place - 1), numbers.get(place)) >= 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether a newer agreement's payload may follow the one that is held (PRV-28, PRV-29). */
  public static void checkSuccession(byte[] held, byte[] newer) throws FileRefused {
    Agreement before = Bytes.parsed(Agreement.parser(), held);
    Agreement behind = Bytes.parsed(Agreement.parser(), newer);
    if (!before.getSiteId().equals(behind.getSiteId())) {
      throw new FileRefused("PRV-28", "an agreement of another site");
    }
    int order = Integer.compareUnsigned(behind.getAgreementNo(), before.getAgreementNo());
    if (order < 0 || (order == 0 && Bytes.compare(held, newer) != 0)) {
      throw new FileRefused("PRV-29", "an older agreement, or another one of the same number");
    }
  }

  /** The business day of a moment, as YYYYMMDD (provisioning, section "The business day"). */
  public static int businessDay(Agreement agreement, long unixSeconds) {
    BusinessDay day = agreement.getBusinessDay();
    long shifted =
        unixSeconds + 60L * day.getUtcOffsetMinutes() - 60L * (day.getCutMinutes() & 0xFFFFFFFFL);
    Calendar calendar = Calendar.getInstance(TimeZone.getTimeZone("UTC"), Locale.ROOT);
    calendar.setTimeInMillis(Math.floorDiv(shifted, DAY_SECONDS) * DAY_SECONDS * 1000);
    return calendar.get(Calendar.YEAR) * 10000
        + (calendar.get(Calendar.MONTH) + 1) * 100
        + calendar.get(Calendar.DAY_OF_MONTH);
  }

  /** The merchant's least and greatest lease: start, action and drift together, in milliseconds. */
  static long fullLease(Agreement agreement) {
    AgreedTimers timers = agreement.getTimers();
    return (timers.getStart() & 0xFFFFFFFFL)
        + (timers.getAct() & 0xFFFFFFFFL)
        + (timers.getDrift() & 0xFFFFFFFFL);
  }
}
