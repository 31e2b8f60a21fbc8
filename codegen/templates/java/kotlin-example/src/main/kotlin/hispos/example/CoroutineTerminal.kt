package hispos.example

import com.google.gson.JsonParser
import hispos.client.Agreements
import hispos.client.Book
import hispos.client.BouncyCrypto
import hispos.client.Broken
import hispos.client.Bytes
import hispos.client.FileRefused
import hispos.client.FileStorage
import hispos.client.Journal
import hispos.client.LinkEvent
import hispos.client.Manifests
import hispos.client.PosLink
import hispos.client.Refusal
import hispos.client.coroutines.JournalFailed
import hispos.client.coroutines.LineOpener
import hispos.client.coroutines.LinkThread
import hispos.client.coroutines.NoPaymentCode
import hispos.client.coroutines.PosDevice
import hispos.client.coroutines.SuspendingPlatform
import hispos.client.coroutines.blockingLines
import hispos.client.coroutines.suspending
import hispos.client.transport.BootClock
import hispos.client.transport.Lines
import hispos.client.transport.TcpLine
import java.io.File
import java.io.IOException
import java.net.InetAddress
import java.net.ServerSocket
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/**
 * A payment terminal with coroutines: what `PosTerminal` does with threads.
 *
 * ```
 * CoroutineTerminal DIR listen:7000 CREDENTIALS http://127.0.0.1:46751 CODE...
 * ```
 *
 * DIR holds the files of `PosTerminal`. The payer shows the next code for each order that waits for
 * one; a code `-` shows nothing.
 */
internal class CoroutineTerminal(
    private val home: File,
    line: String,
    platforms: List<SuspendingPlatform>,
    codes: List<String>,
) {
    private val codes = ArrayDeque(codes)
    private val device: PosDevice

    init {
        val crypto = BouncyCrypto()
        val signed = Agreements.read(crypto, Program.read(home, "agreement.hispos"))
        if (!signed.agreement.simulated) {
            throw IOException("this example takes simulated agreements only")
        }
        val file = Program.read(home, "terminals.hispos")
        val terminals = Manifests.terminals(crypto, file, signed.agreement)
        val storage = FileStorage(File(home, "journal.jsonl"))
        val book = Book(storage) { System.currentTimeMillis() / 1000 }
        val config =
            PosLink.Config(
                crypto,
                Program.text(home, "device.id"),
                Program.read(home, "device.key"),
                boot(),
                "hispos example in Kotlin 0.1.0",
                listOf(signed),
                terminals,
                platforms.map { it.merchant },
            )
        val journal = Journal(book, Program.draw(8))
        val link = PosLink(config, journal, Program::draw, BootClock.now())
        device = PosDevice(link, platforms, LinkThread(), opener(line))
    }

    /** 16 bytes that all programs of one boot share. */
    private fun boot(): ByteArray =
        try {
            val id = Program.text(File("/proc/sys/kernel/random"), "boot_id")
            Bytes.unhex(id.replace("-", ""))
        } catch (_: IOException) {
            Program.draw(16)
        }

    private fun opener(line: String): LineOpener {
        if (!line.startsWith("listen:")) return blockingLines { Lines.open(line) }
        val port = line.removePrefix("listen:").toInt()
        val server = ServerSocket(port, 1, InetAddress.getLoopbackAddress())
        server.soTimeout = 1_000
        return blockingLines { TcpLine(server.accept()) }
    }

    /** Serves until the journal fails. */
    suspend fun serve(): Nothing = coroutineScope {
        launch { device.events.collect(::heard) }
        launch {
            while (true) {
                device.setStorage(home.usableSpace >= RESERVE)
                delay(1.seconds)
            }
        }
        device.run()
    }

    private suspend fun heard(event: LinkEvent) {
        println(event)
        if (event !is LinkEvent.Accepted || event.amount < 0) return
        val code = codes.removeFirstOrNull() ?: return
        try {
            if (code != "-") device.scan(code)
        } catch (none: NoPaymentCode) {
            println(none.message)
        } catch (refusal: Refusal) {
            println(refusal.message)
        }
    }

    private companion object {
        /** Room for the end of every order that has not ended, in bytes (ORD-92). */
        const val RESERVE = 16L shl 20
    }
}

/** The payment code of every merchant of the simulated platform's `credentials.json`. */
private fun platforms(credentials: File, url: String): List<SuspendingPlatform> {
    val (host, port) = url.removePrefix("http://").removeSuffix("/").split(":")
    val all = JsonParser.parseString(credentials.readText()).asJsonObject
    return all.getAsJsonArray("merchants").map {
        SimulatedPlatform(host, port.toInt(), it.asJsonObject).suspending()
    }
}

/** The command. */
public fun main(words: Array<String>) {
    if (words.size < 4) {
        println("usage: CoroutineTerminal DIR LINE CREDENTIALS URL [CODE...]")
        exitProcess(Program.USAGE)
    }
    val why =
        try {
            val platforms = platforms(File(words[2]), words[3])
            val codes = words.drop(4)
            val terminal = CoroutineTerminal(File(words[0]), words[1], platforms, codes)
            println("serving")
            runBlocking { terminal.serve() }
        } catch (error: IOException) {
            error
        } catch (error: FileRefused) {
            error
        } catch (error: Broken) {
            error
        } catch (error: JournalFailed) {
            error
        }
    println(why.message)
    exitProcess(Program.NOT_REACHABLE)
}
