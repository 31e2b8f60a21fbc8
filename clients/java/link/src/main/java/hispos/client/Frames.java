package hispos.client;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/** A byte stream into frames and back (framing). Memory is bounded whatever arrives (FRM-28). */
public final class Frames {
  /** The first byte of each stream (FRM-9). */
  public static final byte OPENING = 0;

  private static final int[] CRC = crcTable();
  private static final int BLOCK = 254;

  private final Side own;
  private final byte[] run = new byte[Limits.ENCODED_BYTES_MAX];
  private int length;
  private boolean isLong;

  /**
   * Takes frames out of one stream.
   *
   * @param own the side of the receiver: what only it sends is an echo (FRM-27)
   */
  public Frames(Side own) {
    this.own = own;
  }

  /** Takes bytes in pieces of any size and gives what they complete (FRM-17). */
  public List<Frame> feed(byte[] data) {
    List<Frame> found = new ArrayList<>();
    for (byte octet : data) {
      if (octet == 0) {
        if (length > 0 && !isLong) {
          found.add(judge(Bytes.part(run, 0, length)));
        }
        length = 0;
        isLong = false;
      } else if (!isLong && length == run.length) {
        isLong = true;
        found.add(Frame.dropped("long"));
      } else if (!isLong) {
        run[length++] = octet;
      }
    }
    return found;
  }

  private Frame judge(byte[] encoded) {
    byte[] frame = cobsDecode(encoded);
    if (frame == null) {
      return Frame.dropped("cobs");
    }
    if (frame.length > Limits.FRAME_BYTES_MAX) {
      return Frame.dropped("long");
    }
    if (frame.length < Limits.FRAME_BYTES_MIN) {
      return Frame.dropped("short");
    }
    int end = frame.length - 4;
    if (Bytes.compare(checksum(Bytes.part(frame, 0, end)), Bytes.part(frame, end, end + 4)) != 0) {
      return Frame.dropped("crc");
    }
    int kind = frame[0] & 0xFF;
    if (!Side.HIS.sends(kind) && !Side.POS.sends(kind)) {
      return Frame.dropped("type");
    }
    if (kind != Frame.PLAIN_ALERT && own.sends(kind)) {
      return Frame.dropped("echo");
    }
    return Frame.of(kind, Bytes.part(frame, 1, end));
  }

  /** A frame as it goes on the line, its final 0x00 included (FRM-10, FRM-13). */
  public static byte[] encode(int kind, byte[] body) {
    byte[] typed = Bytes.concat(new byte[] {(byte) kind}, body);
    byte[] frame = Bytes.concat(typed, checksum(typed));
    if (frame.length > Limits.FRAME_BYTES_MAX) {
      throw new IllegalArgumentException("a frame of " + frame.length + " bytes");
    }
    return Bytes.concat(cobsEncode(frame), new byte[1]);
  }

  /** CRC-32C, the most significant byte first (framing, section "Checksum"). */
  public static byte[] checksum(byte[] data) {
    int crc = -1;
    for (byte octet : data) {
      crc = CRC[(crc ^ octet) & 0xFF] ^ crc >>> 8;
    }
    return Bytes.number(~crc & 0xFFFFFFFFL, 4);
  }

  private static int[] crcTable() {
    int[] table = new int[256];
    for (int octet = 0; octet < 256; octet++) {
      int value = octet;
      for (int bit = 0; bit < 8; bit++) {
        value = (value & 1) != 0 ? value >>> 1 ^ 0x82F63B78 : value >>> 1;
      }
      table[octet] = value;
    }
    return table;
  }

  /** COBS without a code byte behind a final block of 254 bytes (FRM-15). */
  private static byte[] cobsEncode(byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(data.length + data.length / BLOCK + 1);
    int begin = 0;
    for (int at = 0; ; at++) {
      boolean isEnd = at == data.length;
      if (!isEnd && data[at] != 0) {
        if (at - begin < BLOCK - 1) {
          continue;
        }
        out.write(0xFF);
        out.write(data, begin, BLOCK);
        begin = at + 1;
        if (begin == data.length) {
          return out.toByteArray();
        }
        continue;
      }
      out.write(at - begin + 1);
      out.write(data, begin, at - begin);
      begin = at + 1;
      if (isEnd) {
        return out.toByteArray();
      }
    }
  }

  /** The frame in a run, or null if a block ends behind the run (FRM-22). */
  private static byte[] cobsDecode(byte[] run) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(run.length);
    int at = 0;
    while (at < run.length) {
      int code = run[at] & 0xFF;
      int end = at + code;
      if (end > run.length) {
        return null;
      }
      out.write(run, at + 1, code - 1);
      if (code != 0xFF && end < run.length) {
        out.write(0);
      }
      at = end;
    }
    return out.toByteArray();
  }
}
