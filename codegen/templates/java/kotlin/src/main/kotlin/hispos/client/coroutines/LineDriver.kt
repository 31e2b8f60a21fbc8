package hispos.client.coroutines

import hispos.client.Link
import hispos.client.LinkEvent
import java.io.IOException
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull

/**
 * Drives one link on one line: what the Java client's `Loop` does with a thread, with coroutines.
 */
internal class LineDriver(
    private val link: Link,
    private val opener: LineOpener,
    private val clock: BootTime,
    private val end: (Long) -> Unit,
    private val heard: (LinkEvent) -> Unit,
    private val then: () -> Unit = {},
) {
    private val changed = Channel<Unit>(Channel.CONFLATED)
    private var outgoing: Channel<ByteArray>? = null

    /** Runs in the link's thread until it is cancelled or the link fails; opens the line again. */
    suspend fun run(): Nothing = coroutineScope {
        launch { keepTime() }
        keepLine()
    }

    /** Behind every input: what the link has for the line and for people. */
    fun work() {
        flush()
        changed.trySend(Unit)
    }

    private fun flush() {
        while (true) {
            val data = link.pollTransmit() ?: break
            outgoing?.trySend(data)
        }
        while (true) {
            heard(link.pollEvent() ?: break)
        }
        then()
    }

    private suspend fun keepTime() {
        while (true) {
            val now = clock.now()
            link.onTimer(now)
            flush()
            // A machine that slept has a clock that went on: nothing waits for long.
            val wait = (link.nextTimer() - now).coerceIn(1, LONGEST)
            withTimeoutOrNull(wait) { changed.receive() }
        }
    }

    private suspend fun keepLine(): Nothing {
        while (true) {
            try {
                onLine()
            } catch (_: IOException) {
                // The line is gone, or was not there: the session with it, and no order.
            }
            delay(REOPEN)
        }
    }

    private suspend fun onLine() {
        val line = opener.open()
        try {
            serve(line)
        } finally {
            withContext(NonCancellable) { line.close() }
        }
    }

    private suspend fun serve(line: SuspendingLine) {
        val sending = Channel<ByteArray>(Channel.UNLIMITED)
        outgoing = sending
        try {
            link.opened(clock.now())
            work()
            coroutineScope { carry(line, sending) }
        } catch (cancelled: CancellationException) {
            withContext(NonCancellable) { close(line, sending) }
            throw cancelled
        } finally {
            outgoing = null
            link.closed(clock.now())
            work()
        }
    }

    private fun CoroutineScope.carry(line: SuspendingLine, sending: Channel<ByteArray>) {
        launch {
            while (true) {
                val received = line.read()
                if (received.isNotEmpty()) {
                    link.feed(received, clock.now())
                    work()
                }
            }
        }
        launch { for (data in sending) line.write(data) }
    }

    /** Ends the session in order, as far as the line still takes it. */
    private suspend fun close(line: SuspendingLine, sending: Channel<ByteArray>) {
        end(clock.now())
        flush()
        try {
            while (true) line.write(sending.tryReceive().getOrNull() ?: break)
        } catch (_: IOException) {
            // The other end finds out by itself.
        }
    }

    private companion object {
        const val LONGEST = 500L
        const val REOPEN = 1000L
    }
}
