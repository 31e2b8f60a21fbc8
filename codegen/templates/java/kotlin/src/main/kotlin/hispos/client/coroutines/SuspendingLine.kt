package hispos.client.coroutines

import hispos.client.transport.Line
import hispos.client.transport.Loop
import java.io.IOException
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** One opening of a line. It knows nothing of the protocol. */
public interface SuspendingLine {
    /**
     * What has come, once something has; empty is possible. It can be cancelled, and loses no byte
     * that a later call could give.
     *
     * @throws IOException if the line is gone
     */
    public suspend fun read(): ByteArray

    /**
     * Sends bytes.
     *
     * @throws IOException if the line is gone
     */
    public suspend fun write(data: ByteArray)

    /** Closes it, once. */
    public suspend fun close()
}

/** Opens a line, and again when it is gone. */
public fun interface LineOpener {
    /**
     * One opening more.
     *
     * @throws IOException if it cannot be opened now
     */
    public suspend fun open(): SuspendingLine
}

/**
 * The lines of the Java client, which block: `blockingLines { Lines.open("tcp:192.168.1.9:7000")
 * }`.
 *
 * @param dispatcher where they block; each takes two threads of it, of [Dispatchers.IO] beyond its
 *   usual number
 */
public fun blockingLines(
    dispatcher: CoroutineDispatcher = Dispatchers.IO,
    opener: Loop.Opener,
): LineOpener = LineOpener {
    val own = dispatcher.limitedParallelism(2)
    var line: Line? = null
    try {
        withContext(own) { BlockingLine(opener.open().also { line = it }, own) }
    } catch (cancelled: CancellationException) {
        line?.close()
        throw cancelled
    }
}

private class BlockingLine(private val line: Line, private val own: CoroutineDispatcher) :
    SuspendingLine {
    override suspend fun read(): ByteArray = withContext(own) { line.read(LONGEST) }

    override suspend fun write(data: ByteArray) = withContext(own) { line.write(data) }

    override suspend fun close() = withContext(own) { line.close() }

    private companion object {
        /** So long a cancellation waits for a read, in milliseconds. */
        const val LONGEST = 200L
    }
}
