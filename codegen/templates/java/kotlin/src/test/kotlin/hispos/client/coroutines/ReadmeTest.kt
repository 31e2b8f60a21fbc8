package hispos.client.coroutines

import hispos.client.HisLink
import hispos.client.Ledger
import hispos.client.LinkEvent
import hispos.client.PosLink
import hispos.client.transport.Lines
import java.io.File
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertEquals
import org.junit.Test

/** What the README shows of Kotlin, compiled. */
class ReadmeTest {
    @Test
    fun `every line of Kotlin in the README is compiled here`() {
        val own = File("src/test/kotlin/hispos/client/coroutines/ReadmeTest.kt").readLines()
        val blocks = File("../README.md").readText().split("```kotlin\n").drop(1)
        val shown = blocks.flatMap { it.substringBefore("```").trim().lines() }
        assertEquals(2, blocks.size)
        assertEquals(emptyList<String>(), shown - own.map { it.trim() }.toSet())
    }

    private suspend fun CoroutineScope.window(rows: Ledger, link: HisLink, bills: BillDatabase) {
        // rows: the Ledger; bills: the bill database, if ends are posted by the desk
        val ledger = HisLedger(rows, LinkThread(), bills)
        val desk = HisDesk(ledger, link, blockingLines { Lines.open("tcp:192.168.1.9:7000") })
        launch { desk.events.collect(::println) }
        launch { desk.run() }
        withTimeout(30.seconds) { desk.ready() }
        // Its end is durable, and posted.
        val end = desk.collect("bill-1", 1234)
        println(if (end.hasMoved) "paid" else "not paid")
    }

    private suspend fun CoroutineScope.terminal(
        link: PosLink,
        platform: SuspendingPlatform,
        opener: LineOpener,
        scanned: String,
    ) {
        // platform: a SuspendingPlatform
        val device = PosDevice(link, listOf(platform), LinkThread(), opener)
        launch { device.events.collect { if (it is LinkEvent.Accepted) show(it.amount) } }
        launch { device.run() }
        // Throws NoPaymentCode, or Refusal.
        device.scan(scanned)
    }

    private fun show(amount: Long) = println(amount)
}
