package hispos.client.coroutines

import hispos.client.Ledger
import hispos.client.messages.Posting
import java.util.concurrent.CopyOnWriteArraySet
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * The ledger of a site, shared by its desks, in the one thread of them all.
 *
 * @param ledger whose `beginRun` was called; from here on it is used through [use]
 * @param thread its thread
 * @param bills where ended orders are posted while a desk runs; without it, the program asks the
 *   ledger what is unposted
 */
public class HisLedger(
    private val ledger: Ledger,
    internal val thread: LinkThread,
    private val bills: BillDatabase? = null,
) {
    private val changes = MutableStateFlow(0L)
    private val posting = Mutex()
    internal val desks = CopyOnWriteArraySet<HisDesk>()

    /** Uses the ledger in its thread: rows, decisions of people, days. It must not wait. */
    public suspend fun <T> use(block: (Ledger) -> T): T = thread.run {
        try {
            block(ledger)
        } finally {
            changed()
        }
    }

    /** A late storage has made durable what it was given. */
    public suspend fun persisted() {
        thread.run {
            for (desk in desks) desk.persisted()
            changed()
        }
    }

    /**
     * Waits until an order has ended, durably, and is posted if there are [bills][BillDatabase].
     *
     * Waiting changes nothing: when it is cancelled or timed out, the order goes on as the ledger
     * has it, and a later call gives its end.
     *
     * @throws NoSuchElementException if the ledger knows no such order
     */
    public suspend fun end(orderNo: String): OrderEnd =
        withContext(thread.confined) {
            changes.first { isSettled(orderNo) }
            endOf(orderNo)
        }

    /** Something may have ended. */
    internal fun changed() {
        changes.value++
    }

    private fun isSettled(orderNo: String): Boolean {
        val order = ledger.order(orderNo) ?: throw NoSuchElementException(orderNo)
        val isPosted = bills == null || order.posting != Posting.POSTING_UNPOSTED
        return Ledger.hasEnded(order) && ledger.isDurable && isPosted
    }

    private fun endOf(orderNo: String) =
        OrderEnd(orderNo, ledger.order(orderNo), ledger.result(orderNo))

    /** Posts what has ended, for as long as a desk runs; one desk at a time does it. */
    internal suspend fun keepPosted() {
        if (bills == null) return
        posting.withLock {
            var pause = PAUSE_MIN
            while (true) {
                val seen = changes.value
                if (postAll(bills)) {
                    pause = PAUSE_MIN
                    changes.first { it != seen }
                } else {
                    delay(pause)
                    pause = (pause * 2).coerceAtMost(PAUSE_MAX)
                }
            }
        }
    }

    private suspend fun postAll(bills: BillDatabase): Boolean {
        var isWhole = true
        for (orderNo in ledger.unposted()) {
            if (!Ledger.hasEnded(ledger.order(orderNo)) || !ledger.isDurable) continue
            try {
                withContext(thread.io) { bills.post(endOf(orderNo)) }
            } catch (_: Exception) {
                // Its own time-out is a failure as any other. It is asked again, and no other
                // order waits for it; the database logs why.
                currentCoroutineContext().ensureActive()
                isWhole = false
                continue
            }
            ledger.markPosted(orderNo)
            changed()
        }
        return isWhole
    }

    private companion object {
        const val PAUSE_MIN = 1_000L
        const val PAUSE_MAX = 60_000L
    }
}
