package hispos.client.coroutines

import java.io.IOException
import kotlinx.coroutines.channels.Channel

/** A cable without a delay that can be pulled. */
internal class Cable {
    private class Wires {
        val toPos = Channel<ByteArray>(Channel.UNLIMITED)
        val toHis = Channel<ByteArray>(Channel.UNLIMITED)
    }

    private var wires: Wires? = Wires()

    val his = LineOpener { wires().let { End(it.toHis, it.toPos) } }
    val pos = LineOpener { wires().let { End(it.toPos, it.toHis) } }

    private fun wires(): Wires = wires ?: throw IOException("the cable is out")

    fun pull() {
        wires?.toPos?.close(IOException("pulled"))
        wires?.toHis?.close(IOException("pulled"))
        wires = null
    }

    fun plug() {
        wires = Wires()
    }

    private class End(
        private val coming: Channel<ByteArray>,
        private val going: Channel<ByteArray>,
    ) : SuspendingLine {
        override suspend fun read(): ByteArray = coming.receive()

        override suspend fun write(data: ByteArray) = going.send(data)

        override suspend fun close() = Unit
    }
}
