package hispos.client.coroutines

import hispos.client.LinkEvent
import hispos.client.PracticeSite
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.StandardTestDispatcher
import kotlinx.coroutines.test.TestScope

/** Desks and their devices in a test's virtual time. */
@OptIn(ExperimentalCoroutinesApi::class)
internal class Practice(scope: TestScope, desks: Int = 1, bills: BillDatabase? = null) {
    private val clock = BootTime { BOOT + scope.testScheduler.currentTime }
    private val dispatcher = StandardTestDispatcher(scope.testScheduler)
    private val thread = LinkThread(dispatcher, dispatcher, clock)
    private val site = PracticeSite(desks, clock::now)
    val storage = PracticeSite.Memory()
    val rows = site.ledger(storage)
    val ledger = HisLedger(rows, thread, bills)
    val places = List(desks) { Place(it + 1) }
    private val background = scope.backgroundScope

    inner class Place(number: Int) {
        val cable = Cable()
        val purse = Purse(site.merchant, clock, site::unix)
        val journal = site.journal()
        val desk = HisDesk(ledger, site.his(rows, number), cable.his)
        val device = PosDevice(site.pos(journal, number), listOf(purse), thread, cable.pos)
        lateinit var deskRuns: Job
        lateinit var deviceRuns: Job

        private val accepted = Channel<String>(Channel.UNLIMITED)

        suspend fun start() {
            background.launch(start = CoroutineStart.UNDISPATCHED) {
                device.events.filterIsInstance<LinkEvent.Accepted>().collect {
                    accepted.send(it.orderNo)
                }
            }
            deviceRuns = background.launch { device.run() }
            deskRuns = background.launch { desk.run() }
            desk.ready()
        }

        /** The number of the next order that waits for a code. */
        suspend fun accepted(): String = accepted.receive()

        suspend fun payNext() {
            accepted()
            device.scan(CODE)
        }
    }

    suspend fun start(): Place {
        for (place in places) place.start()
        return places.first()
    }

    companion object {
        const val CODE = "134567890123456700"
        private const val BOOT = 1_000_000L
    }
}
