package hispos.client;

import org.bouncycastle.crypto.InvalidCipherTextException;
import org.bouncycastle.crypto.engines.AESEngine;
import org.bouncycastle.crypto.modes.GCMBlockCipher;
import org.bouncycastle.crypto.modes.GCMModeCipher;
import org.bouncycastle.crypto.params.AEADParameters;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.bouncycastle.math.ec.rfc8032.Ed25519;

/**
 * The default: the lightweight interface of Bouncy Castle, which is the same on every Java and
 * Android. No provider is registered.
 */
public final class BouncyCrypto implements Crypto {
  private static final int KEY_BYTES = 32;
  private static final int TAG_BITS = 128;

  @Override
  public byte[] x25519Public(byte[] privateKey) {
    byte[] share = new byte[KEY_BYTES];
    X25519.scalarMultBase(privateKey, 0, share, 0);
    return share;
  }

  @Override
  public byte[] x25519(byte[] privateKey, byte[] share) {
    byte[] shared = new byte[KEY_BYTES];
    return X25519.calculateAgreement(privateKey, 0, share, 0, shared, 0) ? shared : null;
  }

  @Override
  public byte[] ed25519Public(byte[] privateKey) {
    byte[] key = new byte[KEY_BYTES];
    Ed25519.generatePublicKey(privateKey, 0, key, 0);
    return key;
  }

  @Override
  public byte[] sign(byte[] privateKey, byte[] message) {
    byte[] signature = new byte[64];
    Ed25519.sign(privateKey, 0, message, 0, message.length, signature, 0);
    return signature;
  }

  @Override
  public boolean verify(byte[] publicKey, byte[] message, byte[] signature) {
    return Signatures.hasForm(publicKey, signature)
        && Ed25519.verify(signature, 0, publicKey, 0, message, 0, message.length);
  }

  @Override
  public byte[] seal(byte[] key, byte[] nonce, byte[] aad, byte[] plaintext) {
    try {
      return gcm(true, key, nonce, aad, plaintext);
    } catch (InvalidCipherTextException error) {
      throw new IllegalStateException(error);
    }
  }

  @Override
  public byte[] open(byte[] key, byte[] nonce, byte[] aad, byte[] sealed) {
    try {
      return gcm(false, key, nonce, aad, sealed);
    } catch (InvalidCipherTextException error) {
      return null;
    }
  }

  private static byte[] gcm(boolean seals, byte[] key, byte[] nonce, byte[] aad, byte[] input)
      throws InvalidCipherTextException {
    GCMModeCipher cipher = GCMBlockCipher.newInstance(AESEngine.newInstance());
    cipher.init(seals, new AEADParameters(new KeyParameter(key), TAG_BITS, nonce, aad));
    byte[] output = new byte[cipher.getOutputSize(input.length)];
    int length = cipher.processBytes(input, 0, input.length, output, 0);
    length += cipher.doFinal(output, length);
    return length == output.length ? output : Bytes.part(output, 0, length);
  }
}
