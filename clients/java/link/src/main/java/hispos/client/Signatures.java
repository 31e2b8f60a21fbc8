package hispos.client;

import java.math.BigInteger;
import java.util.Arrays;

/** What every signature of the protocol is made over, and which Ed25519 keys may be used. */
public final class Signatures {
  private static final BigInteger ONE = BigInteger.ONE;
  private static final BigInteger P = ONE.shiftLeft(255).subtract(BigInteger.valueOf(19));
  private static final BigInteger L =
      ONE.shiftLeft(252).add(new BigInteger("27742317777372353535851937790883648493"));
  private static final BigInteger D =
      BigInteger.valueOf(-121665).multiply(BigInteger.valueOf(121666).modInverse(P)).mod(P);
  private static final BigInteger ORDER_8_Y =
      new BigInteger("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16);
  private static final BigInteger HALF = P.subtract(ONE).shiftRight(1);

  private Signatures() {}

  /** 64 spaces, the context, 00, the payload. */
  public static byte[] message(Labels context, byte[] payload) {
    return message(context.bytes(), payload);
  }

  static byte[] message(byte[] context, byte[] payload) {
    byte[] spaces = new byte[64];
    Arrays.fill(spaces, (byte) 0x20);
    return Bytes.concat(spaces, context, new byte[1], payload);
  }

  /** Whether an Ed25519 key is canonical, on the curve and not of small order (KEX-24, PRV-2). */
  public static boolean isUsableKey(byte[] key) {
    if (key.length != 32) {
      return false;
    }
    BigInteger y = littleEndian(key).clearBit(255);
    if (y.compareTo(P) >= 0 || isOfSmallOrder(y)) {
      return false;
    }
    BigInteger square = y.multiply(y);
    BigInteger below = D.multiply(square).add(ONE).mod(P).modInverse(P);
    BigInteger x = square.subtract(ONE).multiply(below).mod(P);
    return x.signum() == 0 || x.modPow(HALF, P).equals(ONE);
  }

  private static boolean isOfSmallOrder(BigInteger y) {
    return y.signum() == 0
        || y.equals(ONE)
        || y.equals(P.subtract(ONE))
        || y.equals(ORDER_8_Y)
        || y.equals(P.subtract(ORDER_8_Y));
  }

  /** Whether key and signature have the form that KEX-23 asks for, before the equation is checked. */
  public static boolean hasForm(byte[] key, byte[] signature) {
    return signature.length == 64
        && isUsableKey(key)
        && isUsableKey(Bytes.part(signature, 0, 32))
        && littleEndian(Bytes.part(signature, 32, 64)).compareTo(L) < 0;
  }

  private static BigInteger littleEndian(byte[] bytes) {
    byte[] turned = new byte[bytes.length];
    for (int place = 0; place < bytes.length; place++) {
      turned[bytes.length - 1 - place] = bytes[place];
    }
    return new BigInteger(1, turned);
  }
}
