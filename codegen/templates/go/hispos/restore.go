package hispos

import (
	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// What a person declares when a book went back, while no program serves from it (books, "Restores").

// restart writes what a declared restore writes, in one batch: a new start under a new id first (BOK-20, BOK-21).
func (b *Book) restart(bookID []byte, rows []write, unix uint64) error {
	start := encode(&pb.BookStart{
		Book: bookID, Predecessor: b.id(), ForkSeq: uint64(len(b.heads)), ForkHead: b.head()[:bookIDBytes],
	})
	return b.commit(nil, append([]write{{rowKey{pb.Table_TABLE_BOOK, startKey}, start}}, rows...), unix)
}

// only: his

// DeclareLedgerRestore declares that a ledger went back; bookID is 8 random bytes (BOK-34 to BOK-36).
func DeclareLedgerRestore(book *Book, site *Site, bookID []byte, unix uint64, now int64) error {
	var rows []write
	for _, key := range book.keys(pb.Table_TABLE_ORDER) {
		order := &pb.HisOrder{}
		if err := proto.Unmarshal(book.get(pb.Table_TABLE_ORDER, key), order); err != nil {
			return err
		}
		if hasEnded(order) {
			continue
		}
		order.State, order.StartBy = pb.HisState_HIS_STATE_ASKING, 0
		order.LeasedUntil = uint64(now + site.fullLease())
		rows = append(rows, write{rowKey{pb.Table_TABLE_ORDER, key}, encode(order)})
	}
	ofSite := &pb.SiteRow{}
	if err := proto.Unmarshal(book.get(pb.Table_TABLE_SITE, site.id()), ofSite); err != nil {
		return err
	}
	ofSite.Waiting, ofSite.Pulling, ofSite.SearchUntil = true, true, searchUntil(unix)
	rows = append(rows, write{rowKey{pb.Table_TABLE_SITE, site.id()}, encode(ofSite)})
	for _, key := range book.keys(pb.Table_TABLE_PEER) {
		peer := &pb.PeerRow{}
		if err := proto.Unmarshal(book.get(pb.Table_TABLE_PEER, key), peer); err != nil {
			return err
		}
		peer.Pulled = false
		if proto.Size(peer) == 0 {
			peer.PulledBook = make([]byte, bookIDBytes)
		}
		rows = append(rows, write{rowKey{pb.Table_TABLE_PEER, key}, encode(peer)})
	}
	return book.restart(bookID, rows, unix)
}

// only: end
// only: pos

// DeclareJournalRestore declares that a journal went back; bookID is 8 random bytes (BOK-30, BOK-31).
func DeclareJournalRestore(book *Book, bookID []byte, unix uint64) error {
	var rows []write
	for _, key := range book.keys(pb.Table_TABLE_ORDER) {
		order := &pb.PosOrder{}
		if err := proto.Unmarshal(book.get(pb.Table_TABLE_ORDER, key), order); err != nil {
			return err
		}
		if order.State == pb.PosState_POS_STATE_ENDED || order.NotIntact {
			continue
		}
		order.NotIntact = true
		rows = append(rows, write{rowKey{pb.Table_TABLE_ORDER, key}, encode(order)})
	}
	return book.restart(bookID, rows, unix)
}

// only: end
