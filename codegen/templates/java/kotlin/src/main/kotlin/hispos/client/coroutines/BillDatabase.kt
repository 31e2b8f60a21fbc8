package hispos.client.coroutines

/**
 * The hospital's bill database, to which ended orders are posted.
 *
 * It is asked for one order at a time, and again after a failure or a restart, until it has
 * returned once: it posts an order's number once, however often it is asked.
 */
public fun interface BillDatabase {
    /** Makes the end of an order durable under its number; returns only when it is. */
    public suspend fun post(end: OrderEnd)
}
