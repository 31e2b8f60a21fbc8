package hispos.client.coroutines

import hispos.client.Answers
import hispos.client.Ask
import hispos.client.Merchant
import hispos.client.PaymentPlatform.Answer

/** A platform with one purse: it takes the money of each pay, and then answers as it is told. */
internal class Purse(
    override val merchant: Merchant,
    private val clock: BootTime,
    private val unix: () -> Long,
) : SuspendingPlatform {
    private val captured = HashMap<String, Long>()
    var pays = 0
        private set

    /** What lies between the money and the answer. */
    var beforeAnswer: suspend () -> Unit = {}

    override val profile: Answers.Profile = Answers.Profile.WECHAT_V2

    override suspend fun verify(ask: Ask): Answer = said(mapOf("code" to "SUCCESS"))

    override suspend fun query(ask: Ask): Answer {
        val total = captured[ask.number] ?: return said(mapOf("code" to "ORDERNOTEXIST"))
        return said(payment(ask, total))
    }

    override suspend fun pay(ask: Ask): Answer {
        val began = clock.now()
        pays++
        captured[ask.number] = ask.total
        beforeAnswer()
        return Answer(payment(ask, ask.total), unix(), began)
    }

    override suspend fun reverse(ask: Ask): Answer = said(mapOf("code" to "SYSTEMERROR"))

    override suspend fun refund(ask: Ask): Answer = said(mapOf("code" to "SYSTEMERROR"))

    override suspend fun queryRefund(ask: Ask): Answer = said(mapOf("code" to "SYSTEMERROR"))

    private fun payment(ask: Ask, total: Long) =
        mapOf(
            "code" to "SUCCESS",
            "trade_state" to "SUCCESS",
            "number" to ask.number,
            "payment_no" to "P-${ask.number}",
            "total" to total,
            "captured_at" to unix(),
        )

    private fun said(parts: Map<String, *>) = Answer(parts, unix(), clock.now())
}
