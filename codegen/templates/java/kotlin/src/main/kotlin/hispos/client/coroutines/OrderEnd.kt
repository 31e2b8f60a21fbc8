package hispos.client.coroutines

import hispos.client.messages.HisOrder
import hispos.client.messages.HisState
import hispos.client.messages.ResultCore

/**
 * How an order ended, as the ledger has it durably.
 *
 * @property orderNo its number
 * @property order its row
 * @property result what the device signed; null if people decided without a result
 */
public class OrderEnd
internal constructor(
    public val orderNo: String,
    public val order: HisOrder,
    public val result: ResultCore?,
) {
    /** Whether the money was taken, or given back. */
    public val hasMoved: Boolean
        get() = order.state == HisState.HIS_STATE_PAID || order.state == HisState.HIS_STATE_REFUNDED

    /** Whether people have to look at the money: it is neither taken nor refused. */
    public val needsPeople: Boolean
        get() = order.state == HisState.HIS_STATE_ATTENTION

    override fun toString(): String = "$orderNo: ${order.state}"
}

/**
 * The desk stopped before an order had ended: its money is unknown, never failed.
 *
 * The ledger has the order, and asks about it in the next run.
 *
 * @property orderNo the order
 */
public class OrderUnknown internal constructor(public val orderNo: String) :
    IllegalStateException("$orderNo: unknown, the desk stopped; do not take or give it again")
