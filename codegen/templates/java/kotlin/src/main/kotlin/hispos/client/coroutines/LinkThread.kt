package hispos.client.coroutines

import hispos.client.transport.BootClock
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * The one thread at a time that a ledger or a journal and all their links belong to.
 *
 * A link and its book know no locks. So this is the only rule of confinement: whatever touches one
 * of them runs in here. The functions of [HisDesk], [HisLedger] and [PosDevice] come here by
 * themselves and may be called from any thread; what else is done with the Java classes goes
 * through [run]. It is no certain thread, but never two at a time.
 *
 * @param dispatcher where it runs; writing a book to a disk blocks it
 * @param io where lines and payment code block
 * @param clock of timers
 */
public class LinkThread(
    dispatcher: CoroutineDispatcher = Dispatchers.IO,
    internal val io: CoroutineDispatcher = Dispatchers.IO,
    internal val clock: BootTime = BootTime { BootClock.now() },
) {
    internal val confined: CoroutineDispatcher = dispatcher.limitedParallelism(1)

    /** Runs what touches a link or its book, and gives what came of it. It must not wait. */
    public suspend fun <T> run(block: () -> T): T = withContext(confined) { block() }
}
