package hispos.client.coroutines

import hispos.client.Answers
import hispos.client.Ask
import hispos.client.Merchant
import hispos.client.NoAnswer
import hispos.client.PaymentPlatform
import hispos.client.PaymentPlatform.Answer
import hispos.client.Payments
import hispos.client.Verdict

/** Exactly one verdict, also when the payment code fails. Erases the payment code. */
internal suspend fun SuspendingPlatform.carryOut(ask: Ask, clock: BootTime): Verdict {
    val began = clock.now()
    val said =
        try {
            Result.success(answer(ask))
        } catch (missing: NoAnswer) {
            Result.failure(missing)
        } catch (_: Exception) {
            // Nobody knows how far it came: it counts as written from its beginning.
            Result.failure(NoAnswer(began, "the payment code failed"))
        }
    return Payments.carryOut(Said(merchant, profile, said), ask, clock::now)
}

private suspend fun SuspendingPlatform.answer(ask: Ask): Answer =
    when (ask.request) {
        Ask.Request.VERIFY -> verify(ask)
        Ask.Request.QUERY -> query(ask)
        Ask.Request.PAY -> pay(ask)
        Ask.Request.REVERSE -> reverse(ask)
        Ask.Request.REFUND -> refund(ask)
        Ask.Request.QUERY_REFUND -> queryRefund(ask)
    }

/** What was said already, judged as the Java client judges it. */
private class Said(
    private val merchant: Merchant,
    private val profile: Answers.Profile,
    private val said: Result<Answer>,
) : PaymentPlatform {
    override fun merchant(): Merchant = merchant

    override fun profile(): Answers.Profile = profile

    override fun verify(ask: Ask): Answer = said.getOrThrow()

    override fun query(ask: Ask): Answer = said.getOrThrow()

    override fun pay(ask: Ask): Answer = said.getOrThrow()

    override fun reverse(ask: Ask): Answer = said.getOrThrow()

    override fun refund(ask: Ask): Answer = said.getOrThrow()

    override fun queryRefund(ask: Ask): Answer = said.getOrThrow()
}
