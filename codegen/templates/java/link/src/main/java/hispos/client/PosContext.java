package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.Agreement;
import hispos.client.messages.Channel;
import hispos.client.messages.OrderCore;
import hispos.client.messages.RefundOf;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** What all orders of a POS share: agreements, merchants, the run, the platforms' clocks. */
final class PosContext {
  static final Channel[] CHANNELS = {Channel.CHANNEL_WECHAT, Channel.CHANNEL_ALIPAY};

  final Crypto crypto;
  final String deviceId;
  final byte[] seed;
  final ByteString boot;
  final ByteString run;
  final long started;

  /** All agreements ever held. */
  AgreementsHeld agreements;

  /** Merchants whose credentials the program holds. */
  List<Merchant> merchants;

  final TreeSet<Merchant> verified = new TreeSet<>();

  /** A Sync has come in this run. */
  boolean synced;

  /** The journal contains what HIS has seen of it. */
  boolean anchored = true;

  private final Map<Channel, long[]> dates = new HashMap<>();
  private long nextAsk;

  PosContext(PosLink.Config config, byte[] run, long started) {
    this.crypto = config.crypto;
    this.deviceId = config.deviceId;
    this.seed = config.seed;
    this.boot = Bytes.field(config.boot);
    this.run = Bytes.field(run);
    this.started = started;
    this.agreements = config.agreements;
    this.merchants = config.merchants;
  }

  /** An agreement by its number, or null. */
  Agreement agreement(int number) {
    return agreements.numbered(number);
  }

  Waits waits(OrderCore core) {
    Agreement agreement = agreement(core.getAgreementNo());
    return agreement == null ? Waits.USUAL : new Waits(agreement.getTimers());
  }

  /** The merchant of a channel in an agreement, or null. */
  static Merchant merchant(Agreement agreement, Channel channel) {
    boolean isSimulated = agreement.getSimulated();
    if (channel == Channel.CHANNEL_WECHAT && agreement.hasWechat()) {
      return new Merchant(
          channel,
          agreement.getWechat().getMchId(),
          agreement.getWechat().getSubMchId(),
          isSimulated);
    }
    if (channel == Channel.CHANNEL_ALIPAY && agreement.hasAlipay()) {
      return new Merchant(
          channel,
          agreement.getAlipay().getAppId(),
          agreement.getAlipay().getSellerId(),
          isSimulated);
    }
    return null;
  }

  /** The platform number of an order under the agreement of a core, or null. */
  String number(OrderCore core, String orderNo, Channel channel) {
    Agreement agreement = agreement(core.getAgreementNo());
    return agreement == null
        ? null
        : Numbers.platform(agreement.getSiteCode(), orderNo, Numbers.letter(channel));
  }

  /** The refund's own number, or null. */
  String refundNumber(OrderCore core) {
    Agreement agreement = agreement(core.getAgreementNo());
    return agreement == null
        ? null
        : Numbers.platform(agreement.getSiteCode(), core.getOrderNo(), 'R');
  }

  /** The merchants of a collect's list on a channel: the agreement's first (PAY-37). */
  List<Merchant> merchants(OrderCore core, Channel channel) {
    List<Merchant> found = new ArrayList<>();
    Agreement agreement = agreement(core.getAgreementNo());
    Merchant own = agreement == null ? null : merchant(agreement, channel);
    if (own == null) {
      return found;
    }
    found.add(own);
    for (Agreements.Signed older : agreements.all()) {
      Merchant merchant = merchant(older.agreement, channel);
      if (merchant != null && merchants.contains(merchant) && !found.contains(merchant)) {
        found.add(merchant);
      }
    }
    return found;
  }

  /** The merchant of a refund's original, or null. */
  Merchant originalMerchant(OrderCore core) {
    RefundOf original = core.getRefundOf();
    Agreement agreement = agreement(original.getAgreementNo());
    return agreement == null ? null : merchant(agreement, original.getChannel());
  }

  /** The platform number of a refund's original. */
  String originalNumber(OrderCore core) {
    RefundOf original = core.getRefundOf();
    Agreement agreement = agreement(original.getAgreementNo());
    return Numbers.platform(
        agreement.getSiteCode(), original.getOrderNo(), Numbers.letter(original.getChannel()));
  }

  /** Whether the credentials of every merchant of PAY-32 are held. */
  boolean canAsk(OrderCore core) {
    List<Merchant> needed = needed(core);
    return !needed.isEmpty() && merchants.containsAll(needed);
  }

  /** Whether every merchant of PAY-32 is verified. */
  boolean mayMove(OrderCore core) {
    List<Merchant> needed = needed(core);
    return !needed.isEmpty() && verified.containsAll(needed);
  }

  private List<Merchant> needed(OrderCore core) {
    List<Merchant> found = new ArrayList<>();
    if (core.hasRefundOf()) {
      Merchant original = originalMerchant(core);
      if (original != null) {
        found.add(original);
      }
      return found;
    }
    Agreement agreement = agreement(core.getAgreementNo());
    for (Channel channel : CHANNELS) {
      Merchant merchant = agreement == null ? null : merchant(agreement, channel);
      if (merchant != null) {
        found.add(merchant);
      }
    }
    return found;
  }

  Ask ask(
      Waits waits, Merchant merchant, String number, long total, Ask.What what, long notAfter) {
    nextAsk++;
    return new Ask(nextAsk, merchant, number, total, what, notAfter, waits);
  }

  /** A platform has told its clock. */
  void date(Channel channel, long date, long at) {
    dates.put(channel, new long[] {date, at});
  }

  /** The platform's clock now, in Unix seconds, rounded up; 0: it has not told it. */
  long platformTime(Channel channel, long now) {
    long[] told = dates.get(channel);
    return told == null ? 0 : told[0] + (Math.max(0, now - told[1]) + 999) / 1000;
  }

  byte[] codeHash(PaymentCode code) {
    byte[] digits = code.bytes();
    byte[] hash =
        Hashes.hmac(seed, Bytes.concat(Labels.PAYMENT_CODE.bytes(), new byte[1], digits));
    java.util.Arrays.fill(digits, (byte) 0);
    return hash;
  }
}
