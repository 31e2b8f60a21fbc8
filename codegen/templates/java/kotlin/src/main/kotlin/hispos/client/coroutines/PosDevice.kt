package hispos.client.coroutines

import hispos.client.Ask
import hispos.client.LinkEvent
import hispos.client.PosLink
import hispos.client.Refusal
import hispos.client.Scan
import hispos.client.messages.Channel
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.cancellation.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * A payment terminal, as suspending functions: it answers a HIS, and has its maker's payment code
 * carry out what the link asks.
 *
 * ```
 * launch { device.events.collect { if (it is LinkEvent.Accepted) screen.showAmount(it.amount) } }
 * launch { device.run() }
 * device.scan(scanned)
 * ```
 *
 * **Cancelling a coroutine never cancels money.** What the payment code has begun when [run] is
 * cancelled, it ends, and what it proves is stored, before [run] returns.
 *
 * Every function may be called from any thread.
 *
 * @param link which nothing else feeds or polls
 * @param platforms the payment code of every merchant that the link was told of
 * @param thread of the link and its journal
 * @param opener opens the line, and again when it is gone
 */
public class PosDevice(
    private val link: PosLink,
    platforms: Collection<SuspendingPlatform>,
    private val thread: LinkThread,
    opener: LineOpener,
) {
    private val platforms = platforms.associateBy { it.merchant }
    private val told = Events()
    private val hasRun = AtomicBoolean()
    private val clock = thread.clock
    private val driver = LineDriver(link, opener, clock, link::close, told::tell, ::moveOn)
    private var payments: CoroutineScope? = null

    /**
     * What happens, from the begin of a collection on; it ends when the device stops. A collector
     * that is slow misses nothing and holds nothing up.
     */
    public val events: Flow<LinkEvent> = told.flow

    /**
     * Drives the device until it is cancelled, waits for the payment code, and ends the session in
     * order. It is called once.
     *
     * @throws JournalFailed if the journal cannot be written: the program starts anew
     */
    public suspend fun run(): Nothing {
        check(hasRun.compareAndSet(false, true)) { "a device runs once" }
        try {
            withContext(thread.confined) {
                payments = this
                driver.run()
            }
        } finally {
            told.end()
        }
    }

    /**
     * A patient has shown a code.
     *
     * @return the channel that it is of
     * @throws NoPaymentCode if it is none; the patient is told what it is
     * @throws Refusal if no order waits for one
     */
    @Throws(NoPaymentCode::class, Refusal::class, CancellationException::class)
    public suspend fun scan(text: String): Channel {
        val scan = Scan.of(text)
        scan.refused?.let { throw NoPaymentCode(it) }
        var isGiven = false
        try {
            command {
                isGiven = true
                link.scan(scan.channel, scan.code, it)
            }
        } finally {
            // What the link was given it erases itself, also if nobody waits for that here.
            if (!isGiven) scan.code.erase()
        }
        return scan.channel
    }

    /** Whether an order waits for a code. */
    public suspend fun waitsForCode(): Boolean = thread.run { link.waitsForCode() }

    /** Whether the journal has room; new orders are refused while it has not. */
    public suspend fun setStorage(isEnough: Boolean) {
        command { link.setStorage(isEnough) }
    }

    /**
     * Tells HIS something about the device.
     *
     * @throws Refusal without a session
     */
    @Throws(Refusal::class, CancellationException::class)
    public suspend fun notice(code: Int, text: String) {
        command { link.notice(code, text, it) }
    }

    /** A late storage has made durable what it was given. */
    public suspend fun persisted() {
        command { link.persisted(it) }
    }

    private suspend fun command(give: (Long) -> Unit) {
        thread.run {
            try {
                give(clock.now())
            } finally {
                driver.work()
            }
        }
    }

    private fun moveOn() {
        if (link.isHalted) throw JournalFailed()
        while (true) {
            carryOut(link.pollAsk() ?: break)
        }
    }

    /**
     * Beside the link's thread, where the payment code may block; the verdict comes back into it.
     */
    private fun carryOut(ask: Ask) {
        val platform = platforms.getValue(ask.merchant)
        val carrying =
            payments?.launch(thread.io) {
                withContext(NonCancellable) {
                    val verdict = platform.carryOut(ask, clock)
                    command { link.verdict(verdict, it) }
                }
            }
        carrying?.invokeOnCompletion { ask.code?.erase() }
    }
}

/**
 * What was scanned is no payment code.
 *
 * @property refused what the patient is told
 */
public class NoPaymentCode internal constructor(public val refused: Scan.Refused) :
    IllegalArgumentException("no payment code: $refused")

/** The journal failed: nothing more is told or moved until the program starts again. */
public class JournalFailed internal constructor() :
    IllegalStateException("the journal cannot be written")
