package hispos.client.coroutines

import hispos.client.Answers
import hispos.client.Ask
import hispos.client.Merchant
import hispos.client.NoAnswer
import hispos.client.PaymentPlatform
import hispos.client.PaymentPlatform.Answer

/**
 * A vendor's own payment code for one merchant, as suspending functions: an answer in, nothing
 * decided.
 *
 * Each call writes one request on a connection of its own, at most once, reads the boot clock when
 * the connection stands and writes no byte at or after `ask.notAfter`, and gives up after
 * `connectMs` and `httpMs` by closing the connection. It throws [NoAnswer] where no answer proves
 * anything. Any other exception, its own time-out included, counts as a request that may have gone
 * out. It may block: it never runs in the link's thread.
 */
public interface SuspendingPlatform {
    /** The merchant. */
    public val merchant: Merchant

    /** The dialect of the answers. */
    public val profile: Answers.Profile

    /** Are the credentials right, also those of reverses and refunds? */
    public suspend fun verify(ask: Ask): Answer

    /** What became of `ask.number`? */
    public suspend fun query(ask: Ask): Answer

    /** Take `ask.total` with `ask.code`, until `ask.expiresAt`. */
    public suspend fun pay(ask: Ask): Answer

    /** Close `ask.number`, or give everything back. */
    public suspend fun reverse(ask: Ask): Answer

    /** Give `ask.amount` of the original back, under `ask.refundNumber`. */
    public suspend fun refund(ask: Ask): Answer

    /** What became of `ask.refundNumber`? */
    public suspend fun queryRefund(ask: Ask): Answer
}

/** Payment code of the Java client, which blocks. */
public fun PaymentPlatform.suspending(): SuspendingPlatform = BlockingPlatform(this)

private class BlockingPlatform(private val code: PaymentPlatform) : SuspendingPlatform {
    override val merchant: Merchant = code.merchant()

    override val profile: Answers.Profile = code.profile()

    override suspend fun verify(ask: Ask): Answer = code.verify(ask)

    override suspend fun query(ask: Ask): Answer = code.query(ask)

    override suspend fun pay(ask: Ask): Answer = code.pay(ask)

    override suspend fun reverse(ask: Ask): Answer = code.reverse(ask)

    override suspend fun refund(ask: Ask): Answer = code.refund(ask)

    override suspend fun queryRefund(ask: Ask): Answer = code.queryRefund(ask)
}
