package hispos.client.coroutines

import hispos.client.Ledger
import hispos.client.LinkEvent
import hispos.client.Refusal
import hispos.client.messages.Outcome
import java.io.IOException
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

/** A desk and its device, in virtual time. */
class HisDeskTest {
    @Test
    fun `a collect gives the device's signed result`() = runTest {
        val place = Practice(this).start()
        launch { place.payNext() }
        val end = place.desk.collect("bill-1", 1234)
        assertTrue(end.hasMoved)
        assertEquals(Outcome.OUTCOME_PAID, end.result?.outcome)
        assertEquals(1234L, end.result?.amount)
    }

    @Test
    fun `a cancelled collect leaves its order, which is paid all the same`() = runTest {
        val practice = Practice(this)
        val place = practice.start()
        val collecting = launch { place.desk.collect("bill-1", 1234) }
        val orderNo = place.accepted()
        collecting.cancelAndJoin()
        assertEquals(listOf(orderNo), practice.ledger.use { it.openOrders() })
        place.device.scan(Practice.CODE)
        assertTrue(practice.ledger.end(orderNo).hasMoved)
    }

    @Test
    fun `a timeout is no result, the order goes on`() = runTest {
        val practice = Practice(this)
        val place = practice.start()
        var orderNo = ""
        launch {
            orderNo = place.accepted()
            delay(20.seconds)
            place.device.scan(Practice.CODE)
        }
        var isOver = false
        try {
            withTimeout(10.seconds) { place.desk.collect("bill-1", 1234) }
        } catch (_: TimeoutCancellationException) {
            isOver = true
        }
        assertTrue(isOver)
        assertTrue(practice.ledger.end(orderNo).hasMoved)
    }

    @Test
    fun `two desks collect at the same time, each its own`() = runTest {
        val practice = Practice(this, desks = 2)
        practice.start()
        val (first, second) = practice.places
        launch { first.payNext() }
        launch { second.payNext() }
        val one = async { first.desk.collect("bill-1", 100) }
        val other = async { second.desk.collect("bill-2", 200) }
        assertEquals(listOf(100L, 200L), listOf(one, other).map { it.await().result?.amount })
        assertEquals(
            listOf("POS-0001", "POS-0002"),
            listOf(one, other).map { it.await().result?.deviceId },
        )
    }

    @Test
    fun `a bill that is being collected is refused, and nothing is stored`() = runTest {
        val practice = Practice(this)
        val place = practice.start()
        place.desk.begin("bill-1", 100)
        val refusal = refused { place.desk.collect("bill-1", 100) }
        assertEquals(Refusal.Reason.BILL_BUSY, refusal.reason)
        assertEquals(1, practice.ledger.use { it.orderNumbers().size })
    }

    @Test
    fun `nothing is collected before the desk is ready`() = runTest {
        val place = Practice(this).places.first()
        assertEquals(
            Refusal.Reason.NO_SESSION,
            refused { place.desk.collect("bill-1", 100) }.reason,
        )
    }

    private suspend fun refused(command: suspend () -> Unit): Refusal {
        try {
            command()
        } catch (refusal: Refusal) {
            return refusal
        }
        throw AssertionError("not refused")
    }

    @Test
    fun `a cancelled order has not moved money`() = runTest {
        val place = Practice(this).start()
        val orderNo = place.desk.begin("bill-1", 100)
        place.accepted()
        assertFalse(place.desk.cancel(orderNo).hasMoved)
        assertEquals(0, place.purse.pays)
    }

    @Test
    fun `a collect goes on over a pulled cable`() = runTest {
        val place = Practice(this).start()
        launch {
            place.accepted()
            place.cable.pull()
            place.device.scan(Practice.CODE)
            delay(30.seconds)
            assertFalse(place.desk.isReady.value)
            place.cable.plug()
        }
        assertTrue(place.desk.collect("bill-1", 1234).hasMoved)
        assertEquals(1, place.purse.pays)
    }

    @Test
    fun `a desk that stops leaves the money unknown, and ends its session`() = runTest {
        val practice = Practice(this)
        val place = practice.start()
        val collecting = async { runCatching { place.desk.collect("bill-1", 100) } }
        val orderNo = place.accepted()
        val down =
            async(start = CoroutineStart.UNDISPATCHED) {
                place.device.events.first { it is LinkEvent.Down }
            }
        place.deskRuns.cancelAndJoin()
        assertEquals(orderNo, (collecting.await().exceptionOrNull() as OrderUnknown).orderNo)
        assertEquals(listOf(orderNo), practice.ledger.use { it.openOrders() })
        down.await()
    }

    @Test
    fun `a collector that is slow misses nothing and holds nothing up`() = runTest {
        val place = Practice(this).start()
        val slow =
            async(start = CoroutineStart.UNDISPATCHED) {
                place.desk.events.onEach { delay(10.seconds) }.toList()
            }
        launch { place.payNext() }
        val orderNo = place.desk.collect("bill-1", 100).orderNo
        place.deskRuns.cancelAndJoin()
        val ends = slow.await().filterIsInstance<LinkEvent.OrderEnded>()
        assertEquals(listOf(orderNo), ends.map { it.orderNo })
        assertEquals(emptyList<LinkEvent>(), place.desk.events.toList())
    }

    @Test
    fun `an end is not told before it is durable`() = runTest {
        val practice = Practice(this)
        val place = practice.start()
        val collecting = async { place.desk.collect("bill-1", 100) }
        val orderNo = place.accepted()
        practice.storage.turnsLate = true
        place.device.scan(Practice.CODE)
        delay(30.seconds)
        assertTrue(practice.ledger.use { Ledger.hasEnded(it.order(orderNo)) })
        delay(1.seconds)
        assertFalse(collecting.isCompleted)
        practice.storage.turnsLate = false
        practice.storage.isLate = false
        practice.ledger.persisted()
        assertTrue(collecting.await().hasMoved)
    }

    @Test
    fun `a collect returns when its end is posted, which is tried again`() = runTest {
        val posted = ArrayList<String>()
        var tries = 0
        val bills = BillDatabase {
            if (++tries == 1) throw IOException("the database is not there")
            if (tries == 2) withTimeout(1.seconds) { delay(1_000.seconds) }
            posted.add(it.orderNo)
        }
        val practice = Practice(this, bills = bills)
        val place = practice.start()
        launch { place.payNext() }
        val end = place.desk.collect("bill-1", 100)
        assertEquals(listOf(end.orderNo), posted)
        assertEquals(3, tries)
        assertEquals(emptyList<String>(), practice.ledger.use { it.unposted() })
    }
}
