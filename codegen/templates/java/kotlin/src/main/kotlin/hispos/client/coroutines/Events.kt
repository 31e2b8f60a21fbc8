package hispos.client.coroutines

import hispos.client.LinkEvent
import java.util.concurrent.CopyOnWriteArraySet
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** What a link tells, for any number of collectors. A slow one holds up neither link nor others. */
internal class Events {
    private val collectors = CopyOnWriteArraySet<Channel<LinkEvent>>()
    @Volatile private var hasEnded = false

    /** Everything that is told from the begin of the collection on. */
    val flow: Flow<LinkEvent> = flow {
        val own = Channel<LinkEvent>(Channel.UNLIMITED)
        collectors.add(own)
        if (hasEnded) own.close()
        try {
            for (event in own) emit(event)
        } finally {
            collectors.remove(own)
        }
    }

    fun tell(event: LinkEvent) {
        for (collector in collectors) collector.trySend(event)
    }

    /** There are no more, also for those who come later. */
    fun end() {
        hasEnded = true
        for (collector in collectors) collector.close()
    }
}
