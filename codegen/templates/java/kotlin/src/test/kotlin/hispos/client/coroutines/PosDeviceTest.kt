package hispos.client.coroutines

import hispos.client.Orders
import hispos.client.Refusal
import hispos.client.Scan
import hispos.client.messages.Outcome
import hispos.client.messages.PosState
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.currentTime
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** A device and its suspending payment code, in virtual time. */
@OptIn(ExperimentalCoroutinesApi::class)
class PosDeviceTest {
    @Test
    fun `a payer who answers late is waited for, and the line lives on`() = runTest {
        val place = Practice(this).start()
        place.purse.beforeAnswer = { delay(3900.milliseconds) }
        launch {
            place.payNext()
            delay(3.seconds)
            assertTrue(place.desk.isReady.value)
        }
        val end = place.desk.collect("bill-1", 1234)
        assertEquals(Outcome.OUTCOME_PAID, end.result?.outcome)
        assertEquals("at the answer", 3900L, currentTime)
    }

    @Test
    fun `an answer that comes too late is not waited for, the money is asked for`() = runTest {
        val place = Practice(this).start()
        place.purse.beforeAnswer = { delay(300.seconds) }
        launch { place.payNext() }
        val end = place.desk.collect("bill-1", 1234)
        assertEquals(Outcome.OUTCOME_PAID, end.result?.outcome)
        assertEquals(1, place.purse.pays)
    }

    @Test
    fun `a time-out inside the payment code proves nothing, and the money is found`() = runTest {
        val place = Practice(this).start()
        place.purse.beforeAnswer = { withTimeout(1.seconds) { delay(100.seconds) } }
        launch { place.payNext() }
        assertEquals(Outcome.OUTCOME_PAID, place.desk.collect("bill-1", 1234).result?.outcome)
        assertEquals(1, place.purse.pays)
    }

    @Test
    fun `payment code that fails proves nothing, and the money is found`() = runTest {
        val place = Practice(this).start()
        place.purse.beforeAnswer = { error("a mistake of the payment code") }
        launch { place.payNext() }
        assertEquals(Outcome.OUTCOME_PAID, place.desk.collect("bill-1", 1234).result?.outcome)
    }

    @Test
    fun `a device that is stopped ends the pay that it began, and stores what it proves`() =
        runTest {
            val place = Practice(this).start()
            val isPaying = CompletableDeferred<Unit>()
            place.purse.beforeAnswer = {
                isPaying.complete(Unit)
                delay(3.seconds)
            }
            val collecting = launch { place.desk.collect("bill-1", 1234) }
            val orderNo = place.accepted()
            place.device.scan(Practice.CODE)
            isPaying.await()
            place.deviceRuns.cancelAndJoin()
            val order = place.journal.order(orderNo)
            assertEquals(PosState.POS_STATE_ENDED, order.state)
            assertEquals(
                Outcome.OUTCOME_PAID,
                Orders.readResult(order.result.toByteArray()).outcome,
            )
            collecting.cancelAndJoin()
        }

    @Test
    fun `what is no payment code is said, and one that no order waits for is refused`() = runTest {
        val place = Practice(this).start()
        val none = async { runCatching { place.device.scan("https://example.org") } }
        val refused = (none.await().exceptionOrNull() as NoPaymentCode).refused
        assertEquals(Scan.Refused.LINK, refused)
        val unasked = async { runCatching { place.device.scan(Practice.CODE) } }
        val why = (unasked.await().exceptionOrNull() as Refusal).reason
        assertEquals(Refusal.Reason.NO_ORDER_WAITS, why)
    }
}
