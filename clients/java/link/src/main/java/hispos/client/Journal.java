package hispos.client;

import com.google.protobuf.ByteString;
import hispos.client.messages.PeerRow;
import hispos.client.messages.PosOrder;
import hispos.client.messages.PosState;
import hispos.client.messages.Table;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The journal of a POS: its book, with what is asked of it at hand (books). */
public final class Journal {
  final Book book;
  private final Map<String, PosOrder> orders = new LinkedHashMap<>();
  private final TreeMap<Long, String> latest = new TreeMap<>();
  private final Map<String, Long> versions = new HashMap<>();

  /**
   * Begins a new book, or goes on with one.
   *
   * @param bookId 8 random bytes, for a new book (BOK-19)
   */
  public Journal(Book book, byte[] bookId) {
    this.book = book;
    if (book.isNew()) {
      book.begin(bookId);
    }
    book.watch(this::changed);
  }

  private void changed(Table table, String key, ByteString row) {
    if (table != Table.TABLE_ORDER) {
      return;
    }
    orders.put(key, Bytes.parsed(PosOrder.parser(), row));
    Long before = versions.put(key, book.version(table, key));
    if (before != null) {
      latest.remove(before);
    }
    latest.put(versions.get(key), key);
  }

  /**
   * A person declared a restore of the book (BOK-34): it goes on under another id, and no open order
   * can prove any more what did not happen to it.
   */
  public void restore(byte[] bookId) {
    Batch batch = new Batch(book);
    book.restore(batch, bookId);
    for (Map.Entry<String, PosOrder> order : orders.entrySet()) {
      boolean isOpen = order.getValue().getState() != PosState.POS_STATE_ENDED;
      if (isOpen && !order.getValue().getNotIntact()) {
        PosOrder row = order.getValue().toBuilder().setNotIntact(true).build();
        batch.put(Table.TABLE_ORDER, order.getKey(), row);
      }
    }
    batch.commit();
  }

  /** An order's row, or null. */
  public PosOrder order(String orderNo) {
    return orders.get(orderNo);
  }

  /** All orders, in the order of their first records. */
  public Map<String, PosOrder> orders() {
    return Collections.unmodifiableMap(orders);
  }

  /** The sequence number of an order's latest record. */
  long version(String orderNo) {
    return versions.get(orderNo);
  }

  /** Orders whose latest record is behind a sequence number, by their latest record. */
  List<String> after(long seq, int limit) {
    List<String> found = new ArrayList<>();
    for (String orderNo : latest.tailMap(seq, false).values()) {
      if (found.size() == limit) {
        break;
      }
      found.add(orderNo);
    }
    return found;
  }

  /** What was last seen of a site's ledger. */
  ByteString ledgerSeen(String siteId) {
    ByteString row = book.get(Table.TABLE_PEER, siteId);
    return Bytes.parsed(PeerRow.parser(), row == null ? ByteString.EMPTY : row).getAnchor();
  }
}
