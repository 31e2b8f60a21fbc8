package hispos.client

import hispos.client.messages.AgreedTimers
import hispos.client.messages.Agreement
import hispos.client.messages.AmountLimits
import hispos.client.messages.BusinessDay
import hispos.client.messages.Channel
import hispos.client.messages.Device
import hispos.client.messages.DeviceManifest
import hispos.client.messages.Terminal
import hispos.client.messages.TerminalManifest
import hispos.client.messages.WechatMerchant

/** A site of some desks, each with its device, and the links of both ends. */
internal class PracticeSite(private val count: Int, private val now: () -> Long) {
    private val crypto = BouncyCrypto()
    private var drawn = 0L
    private val agreement =
        Agreement.newBuilder()
            .setAgreementNo(1)
            .setSiteId("hospital-1")
            .setSiteCode("SIM1")
            .addVersions(1)
            .addSuites(1)
            .setHisOrganisationKey(publicKey("hospital"))
            .setPosOrganisationKey(publicKey("company"))
            .setCurrency("CNY")
            .setAmounts(
                AmountLimits.newBuilder()
                    .setCollectMax(5000000)
                    .setRefundMax(1000000)
                    .setRefundDayMax(5000000)
            )
            .setTimers(
                AgreedTimers.newBuilder()
                    .setStart(60000)
                    .setAct(60000)
                    .setDrift(2000)
                    .setConnect(1000)
                    .setHttp(4000)
                    .setPollWechat(10000)
                    .setPollAlipay(10000)
                    .setReverseMin(1000)
                    .setFence(12000)
                    .setQuiet(16000)
                    .setExpiry(8000)
                    .setQuery(1000)
                    .setAbsenceGap(1000)
            )
            .setBusinessDay(BusinessDay.newBuilder().setUtcOffsetMinutes(480))
            .setWechat(WechatMerchant.newBuilder().setMchId("1900000001"))
            .setSimulated(true)
            .build()
    private val signed = Agreements.Signed(agreement, Hashes.sha256(agreement.toByteArray()))

    val merchant: Merchant = PosContext.merchant(agreement, Channel.CHANNEL_WECHAT)

    fun ledger(storage: Storage = Memory()): Ledger {
        val site = Site(listOf(signed), devices(), key("site"))
        val ledger = Ledger(Book(storage, ::unix), site, crypto, ByteArray(8) { 1 })
        ledger.beginRun(now())
        return ledger
    }

    /** The desk of a number, from 1. */
    fun his(ledger: Ledger, desk: Int): HisLink {
        val registry = Manifests.registry(devices())
        val end = End(crypto, terminalId(desk), key(terminalId(desk)), registry)
        return HisLink(ledger, end, deviceId(desk), ::draw)
    }

    fun journal(): Journal = Journal(Book(Memory(), ::unix), ByteArray(8) { 2 })

    fun pos(journal: Journal, desk: Int): PosLink {
        val config =
            PosLink.Config(
                crypto,
                deviceId(desk),
                key(deviceId(desk)),
                ByteArray(16) { 3 },
                "practice",
                listOf(signed),
                terminals(),
                listOf(merchant),
            )
        return PosLink(config, journal, ::draw, now())
    }

    fun unix(): Long = BEGIN + now() / 1000

    private fun devices(): DeviceManifest {
        val manifest = DeviceManifest.newBuilder().setSerial(1).setSiteId("hospital-1")
        for (desk in 1..count) {
            manifest.addDevices(
                Device.newBuilder()
                    .setDeviceId(deviceId(desk))
                    .setSerialNo("SN-$desk")
                    .setPublicKey(publicKey(deviceId(desk)))
                    .setValidFrom(BEGIN - DAY)
                    .setValidUntil(BEGIN + DAY)
            )
        }
        return manifest.build()
    }

    private fun terminals(): TerminalManifest {
        val manifest = TerminalManifest.newBuilder().setSerial(1).setSiteId("hospital-1")
        for (desk in 1..count) {
            manifest.addTerminals(
                Terminal.newBuilder()
                    .setTerminalId(terminalId(desk))
                    .setWindowName("Cashier $desk")
                    .setPublicKey(publicKey(terminalId(desk)))
                    .setValidFrom(BEGIN - DAY)
                    .setValidUntil(BEGIN + DAY)
            )
        }
        return manifest.build()
    }

    private fun deviceId(desk: Int) = "POS-000$desk"

    private fun terminalId(desk: Int) = "HIS-W0$desk"

    private fun key(of: String) = Hashes.sha256(of.toByteArray())

    private fun publicKey(of: String) = Bytes.field(crypto.ed25519Public(key(of)))

    private fun draw(length: Int): ByteArray =
        Hashes.sha256(Bytes.number(++drawn, 4)).copyOf(length)

    /** A storage that is gone with the test, and late from an append on where it is told to be. */
    class Memory : LateStorage {
        private val stored = ArrayList<Stored>()
        var isLate = false
        var turnsLate = false

        override fun load(): List<Stored> = ArrayList(stored)

        override fun append(batch: List<Stored>) {
            stored.addAll(batch)
            isLate = isLate || turnsLate
        }

        override fun isDurable(): Boolean = !isLate
    }

    private companion object {
        const val BEGIN = 1_795_486_400L
        const val DAY = 86_400L
    }
}
