package hispos.client.coroutines

import hispos.client.HisLink
import hispos.client.LinkEvent
import hispos.client.Refund
import hispos.client.Refusal
import hispos.client.messages.Totals
import java.io.IOException
import kotlin.coroutines.cancellation.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.firstOrNull
import kotlinx.coroutines.launch
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.withContext

/**
 * A cashier's desk: one terminal of the HIS and its device, as suspending functions.
 *
 * ```
 * launch { desk.run() }
 * withTimeout(30_000) { desk.ready() }
 * val end = desk.collect("bill-1", 1234)
 * ```
 *
 * **Cancelling a coroutine never cancels money.** A collect whose coroutine is cancelled, or whose
 * `withTimeout` is over, leaves its order as the ledger has it: it may still be paid. [cancel] is
 * what cancels an order, and [HisLedger.end] gives what came of it. A timeout is never a result.
 *
 * Every function may be called from any thread.
 *
 * @param ledger that the link was made with, shared with the other desks
 * @param link which nothing else feeds or polls
 * @param opener opens the line, and again when it is gone
 */
public class HisDesk(
    private val ledger: HisLedger,
    private val link: HisLink,
    opener: LineOpener,
) {
    private val told = Events()
    private val readiness = MutableStateFlow(false)
    private val stopped = CompletableDeferred<Unit>()
    private val clock = ledger.thread.clock
    private val driver = LineDriver(link, opener, clock, link::close, ::heard)

    /**
     * What happens, from the begin of a collection on; it ends when the desk stops.
     *
     * A collector that is slow misses nothing and holds nothing up. Collect it before [run]: alarms
     * are for people to see.
     */
    public val events: Flow<LinkEvent> = told.flow

    /** Whether orders can be made. While not, open orders are unknown, never failed. */
    public val isReady: StateFlow<Boolean> = readiness.asStateFlow()

    /**
     * Drives the desk until it is cancelled, and then ends the session in order. It is called once.
     *
     * @throws hispos.client.BookFailed if the ledger cannot be written: the program starts anew
     */
    public suspend fun run(): Nothing {
        check(!stopped.isCompleted && ledger.desks.add(this)) { "a desk runs once" }
        try {
            withContext(ledger.thread.confined) {
                launch { ledger.keepPosted() }
                driver.run()
            }
        } finally {
            ledger.desks.remove(this)
            readiness.value = false
            stopped.complete(Unit)
            told.end()
        }
    }

    /** Waits until orders can be made. */
    public suspend fun ready() {
        isReady.first { it }
    }

    /**
     * Collects a bill: makes the order, and gives its end once that is durable, and posted.
     *
     * It goes on over a line that is down and while the money is unknown.
     *
     * @param fen more than 0
     * @throws Refusal if the order is not begun: nothing was stored, nothing moved
     * @throws OrderUnknown if the desk stops before the end
     */
    @Throws(Refusal::class, OrderUnknown::class, CancellationException::class)
    public suspend fun collect(bill: String, fen: Long): OrderEnd = end(begin(bill, fen))

    /** Gives money of a payment back, in the same way. */
    @Throws(Refusal::class, OrderUnknown::class, CancellationException::class)
    public suspend fun refund(wanted: Refund): OrderEnd = end(begin(wanted))

    /**
     * Makes the order of a collect, durably, sends it, and gives its number.
     *
     * If the coroutine is cancelled meanwhile, the order may have been made: the ledger has it
     * among its open ones.
     */
    @Throws(Refusal::class, CancellationException::class)
    public suspend fun begin(bill: String, fen: Long): String = command {
        link.collect(bill, fen, it)
    }

    /** Makes the order of a refund, in the same way. */
    @Throws(Refusal::class, CancellationException::class)
    public suspend fun begin(wanted: Refund): String = command { link.refund(wanted, it) }

    /**
     * Waits for the end of an order, as [HisLedger.end] does, for as long as this desk runs.
     *
     * @throws OrderUnknown if the desk stops before
     */
    @Throws(OrderUnknown::class, CancellationException::class)
    public suspend fun end(orderNo: String): OrderEnd = coroutineScope {
        val end = async { ledger.end(orderNo) }
        select {
            end.onAwait { it }
            stopped.onAwait {
                end.cancel()
                throw OrderUnknown(orderNo)
            }
        }
    }

    /**
     * Cancels an order and waits for its end, which says what became of it: it may be paid.
     *
     * @throws Refusal if it is not open
     */
    @Throws(Refusal::class, OrderUnknown::class, CancellationException::class)
    public suspend fun cancel(orderNo: String): OrderEnd {
        command { link.cancel(orderNo, it) }
        return end(orderNo)
    }

    /** Asks about an open order again because a person wants it. */
    public suspend fun ask(orderNo: String) {
        command { link.ask(orderNo, it) }
    }

    /**
     * Has this desk's device look up an order of another one that is silent.
     *
     * @throws Refusal also while its own device may still act on it
     */
    @Throws(Refusal::class, CancellationException::class)
    public suspend fun lookUp(orderNo: String) {
        command { link.lookUp(orderNo, it) }
    }

    /**
     * What the device counts for a business day, YYYYMMDD.
     *
     * @throws Refusal without a session
     * @throws IOException if the session ends before the answer
     */
    @Throws(Refusal::class, IOException::class, CancellationException::class)
    public suspend fun totals(day: Int): Totals = coroutineScope {
        val answer =
            async(start = CoroutineStart.UNDISPATCHED) {
                told.flow.firstOrNull { it.isAnswer(day) }
            }
        command { link.totals(day, it) }
        when (val event = answer.await()) {
            is LinkEvent.TotalsTold -> event.totals
            else -> throw IOException("the session ended before the totals came")
        }
    }

    private fun LinkEvent.isAnswer(day: Int): Boolean =
        this is LinkEvent.Down || (this is LinkEvent.TotalsTold && businessDay == day)

    /** Called in the thread. */
    internal fun persisted() {
        link.persisted(clock.now())
        driver.work()
    }

    private suspend fun <T> command(give: (Long) -> T): T =
        ledger.thread.run {
            try {
                give(clock.now())
            } finally {
                driver.work()
            }
        }

    private fun heard(event: LinkEvent) {
        when (event) {
            is LinkEvent.Ready -> readiness.value = true
            is LinkEvent.Down -> readiness.value = false
            is LinkEvent.OrderEnded -> ledger.changed()
            else -> {}
        }
        told.tell(event)
    }
}
