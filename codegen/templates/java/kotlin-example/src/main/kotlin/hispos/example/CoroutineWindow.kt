package hispos.example

import hispos.client.Agreements
import hispos.client.Amounts
import hispos.client.Book
import hispos.client.BouncyCrypto
import hispos.client.Broken
import hispos.client.End
import hispos.client.FileRefused
import hispos.client.FileStorage
import hispos.client.HisLink
import hispos.client.Ledger
import hispos.client.Manifests
import hispos.client.Refund
import hispos.client.Refusal
import hispos.client.Site
import hispos.client.Texts
import hispos.client.coroutines.BillDatabase
import hispos.client.coroutines.HisDesk
import hispos.client.coroutines.HisLedger
import hispos.client.coroutines.LinkThread
import hispos.client.coroutines.OrderEnd
import hispos.client.coroutines.blockingLines
import hispos.client.transport.BootClock
import hispos.client.transport.Lines
import java.io.Closeable
import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull

/**
 * A cashier's window with coroutines: what `Window` does with a thread.
 *
 * ```
 * CoroutineWindow DIR tcp:127.0.0.1:7000 collect BILL +12.34
 * CoroutineWindow DIR serial:/dev/ttyUSB0 refund ORDER -5.00 ITEM OPERATOR APPROVER REASON
 * ```
 *
 * DIR holds the files of `Window`. What has ended is posted to `bills.tsv` in it.
 */
internal class CoroutineWindow(home: File, line: String) : Closeable {
    private val storage = FileStorage(File(home, "ledger.jsonl"))
    private val desk: HisDesk

    init {
        val crypto = BouncyCrypto()
        val signed = Agreements.read(crypto, Program.read(home, "agreement.hispos"))
        if (!signed.agreement.simulated) {
            throw IOException("this example takes simulated agreements only")
        }
        val file = Program.read(home, "devices.hispos")
        val devices = Manifests.devices(crypto, file, signed.agreement)
        val site = Site(listOf(signed), devices, Program.read(home, "site.secret"))
        val book = Book(storage) { System.currentTimeMillis() / 1000 }
        val ledger = Ledger(book, site, crypto, Program.draw(8))
        ledger.beginRun(BootClock.now())
        val terminal = Program.text(home, "terminal.id")
        val key = Program.read(home, "terminal.key")
        val end = End(crypto, terminal, key, Manifests.registry(devices))
        val link = HisLink(ledger, end, Program.text(home, "device.id"), Program::draw)
        val shared = HisLedger(ledger, LinkThread(), BillFile(File(home, "bills.tsv")))
        desk = HisDesk(shared, link, blockingLines { Lines.open(line) })
    }

    /** Makes an order once the desk is ready, waits for its end, and says an exit code. */
    suspend fun pay(order: suspend (HisDesk) -> String): Int = coroutineScope {
        launch { desk.events.collect(::println) }
        val running = launch { desk.run() }
        try {
            if (withTimeoutOrNull(30.seconds) { desk.ready() } == null) {
                println("the terminal does not answer")
                return@coroutineScope Program.NOT_REACHABLE
            }
            val orderNo = order(desk)
            val end = withTimeoutOrNull(5.minutes) { desk.end(orderNo) }
            println(end?.let(::said) ?: "$orderNo: unknown. Do not take or give the money again.")
            when {
                end == null || end.needsPeople -> Program.UNKNOWN
                end.hasMoved -> Program.DONE
                else -> Program.REFUSED
            }
        } finally {
            running.cancelAndJoin()
        }
    }

    private fun said(end: OrderEnd): String {
        if (end.needsPeople)
            return "${end.orderNo}: people have to look at it. Do not take or give the money again."
        val status = end.result?.statusValue
        return "${end.orderNo}: ${Texts.STATUS[status]?.cashierEn ?: "status $status"}"
    }

    override fun close() = storage.close()
}

/** A bill database in a file: one line for an order, also if it is posted twice. */
private class BillFile(private val file: File) : BillDatabase {
    override suspend fun post(end: OrderEnd) {
        val lines = if (file.exists()) file.readLines() else emptyList()
        if (lines.any { it.startsWith("${end.orderNo}\t") }) return
        FileOutputStream(file, true).use {
            it.write("${end.orderNo}\t${end.order.bill}\t${end.result?.amount}\n".toByteArray())
            it.fd.sync()
        }
    }
}

/** The command. */
public fun main(words: Array<String>) {
    val code =
        try {
            run(words.toList())
        } catch (refusal: Refusal) {
            failed(Program.REFUSED, refusal)
        } catch (error: IllegalArgumentException) {
            failed(Program.USAGE, error)
        } catch (error: IOException) {
            failed(Program.NOT_REACHABLE, error)
        } catch (error: FileRefused) {
            failed(Program.NOT_REACHABLE, error)
        } catch (error: Broken) {
            failed(Program.NOT_REACHABLE, error)
        }
    exitProcess(code)
}

private fun failed(code: Int, error: Exception): Int {
    println(error.message)
    return code
}

private fun run(words: List<String>): Int {
    val order: suspend (HisDesk) -> String =
        when {
            words.size == 5 && words[2] == "collect" -> { desk ->
                desk.begin(words[3], Amounts.parse(words[4]))
            }
            words.size == 9 && words[2] == "refund" -> { desk ->
                val fen = Amounts.parse(words[4])
                desk.begin(Refund(words[3], fen, words[5], words[6], words[7], words[8]))
            }
            else ->
                throw IllegalArgumentException(
                    "usage: CoroutineWindow DIR LINE collect BILL +AMOUNT, or" +
                        " CoroutineWindow DIR LINE refund ORDER -AMOUNT ITEM OPERATOR APPROVER REASON"
                )
        }
    return CoroutineWindow(File(words[0]), words[1]).use { runBlocking { it.pay(order) } }
}
