package hispos.client;

/** What the link needs of a cryptography library. Keys, shares and signatures are raw bytes. */
public interface Crypto {
  /** The share of a private key of 32 bytes. */
  byte[] x25519Public(byte[] privateKey);

  /** The shared secret, or null if it is zero (KEX-18). */
  byte[] x25519(byte[] privateKey, byte[] share);

  /** The Ed25519 public key of a private key of 32 bytes. */
  byte[] ed25519Public(byte[] privateKey);

  /** An Ed25519 signature of 64 bytes. */
  byte[] sign(byte[] privateKey, byte[] message);

  /** Whether a signature counts by KEX-23. */
  boolean verify(byte[] publicKey, byte[] message, byte[] signature);

  /** AES-256-GCM: ciphertext and tag. */
  byte[] seal(byte[] key, byte[] nonce, byte[] aad, byte[] plaintext);

  /** The plaintext, or null if it does not open. */
  byte[] open(byte[] key, byte[] nonce, byte[] aad, byte[] sealed);
}
