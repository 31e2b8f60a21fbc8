package hispos.client;

import hispos.client.messages.Channel;
import java.util.Objects;

/** Where the money of a channel goes. The credentials are the payment code's. */
public final class Merchant implements Comparable<Merchant> {
  /** The platform. */
  public final Channel channel;

  /** WeChat's merchant number, or Alipay's application id. */
  public final String account;

  /** WeChat's sub-merchant, or Alipay's seller; may be empty. */
  public final String subAccount;

  /** No money moves: the platform is simulated. */
  public final boolean simulated;

  /** All of it. */
  public Merchant(Channel channel, String account, String subAccount, boolean simulated) {
    this.channel = channel;
    this.account = account;
    this.subAccount = subAccount;
    this.simulated = simulated;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Merchant && compareTo((Merchant) other) == 0;
  }

  @Override
  public int hashCode() {
    return Objects.hash(channel, account, subAccount, simulated);
  }

  @Override
  public int compareTo(Merchant other) {
    int order = channel.compareTo(other.channel);
    order = order != 0 ? order : account.compareTo(other.account);
    order = order != 0 ? order : subAccount.compareTo(other.subAccount);
    return order != 0 ? order : Boolean.compare(simulated, other.simulated);
  }

  @Override
  public String toString() {
    return channel + " " + account + (subAccount.isEmpty() ? "" : "/" + subAccount);
  }
}
