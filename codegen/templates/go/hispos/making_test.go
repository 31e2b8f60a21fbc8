package hispos

import (
	"slices"
	"testing"

	pb "hispos-client/internal/messages"
)

func TestNumberAndSearchOfACollectPassOverWhatAdoptedOrdersHold(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	ledger := both.his.Ledger
	for _, generation := range []uint32{0, 2, 3} {
		number := ledger.billNumber("bill-1", generation)
		batch := ledger.batch()
		batch.put(pb.Table_TABLE_ORDER, number, &pb.HisOrder{
			Core:  encode(&pb.OrderCore{OrderNo: number, DeviceId: both.his.deviceID, Amount: 100}),
			State: pb.HisState_HIS_STATE_NOT_PAID, Bill: "bill-1",
		})
		if err := batch.commit(); err != nil {
			t.Fatal(err)
		}
	}
	number, err := both.his.Collect("bill-1", 1234, 0, both.now)
	if err != nil {
		t.Fatal(err)
	}
	var wanted []string
	for _, generation := range []uint32{1, 4, 5, 6} {
		wanted = append(wanted, ledger.billNumber("bill-1", generation))
	}
	if search := ledger.Order(number).Search; number != wanted[0] || !slices.Equal(search, wanted) {
		t.Errorf("%s searches %v", number, search)
	}
}
