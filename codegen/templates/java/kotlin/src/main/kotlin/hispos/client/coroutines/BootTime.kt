package hispos.client.coroutines

/**
 * Milliseconds since the boot of the machine, running during sleep.
 *
 * [hispos.client.transport.BootClock] is it on a PC, `SystemClock.elapsedRealtime()` on Android.
 */
public fun interface BootTime {
    /** The instant. */
    public fun now(): Long
}
