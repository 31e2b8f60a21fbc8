package hispos.client;

import static java.nio.charset.StandardCharsets.US_ASCII;

import hispos.client.messages.Identity;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What an end takes part with (key exchange, section "What an end holds"). */
public final class End {
  /** The version of the protocol. */
  public static final int VERSION = 1;

  /** The suite of version 1. */
  public static final int SUITE = 1;

  final Crypto crypto;
  final String id;
  final byte[] signingKey;
  final byte[] publicKey;
  final Registry registry;
  final List<Integer> versions;
  final List<Integer> suites;

  /** An end of version 1 and its suite. */
  public End(Crypto crypto, String id, byte[] signingKey, Registry registry) {
    this(
        crypto,
        id,
        signingKey,
        registry,
        Collections.singletonList(VERSION),
        Collections.singletonList(SUITE));
  }

  End(
      Crypto crypto,
      String id,
      byte[] signingKey,
      Registry registry,
      List<Integer> versions,
      List<Integer> suites) {
    this.crypto = crypto;
    this.id = id;
    this.signingKey = signingKey;
    this.publicKey = crypto.ed25519Public(signingKey);
    this.registry = registry;
    this.versions = versions;
    this.suites = suites;
  }

  /** The same end with other keys of its peers. */
  End with(Registry newer) {
    return new End(crypto, id, signingKey, newer, versions, suites);
  }

  /** The same end under an agreement: what it lists and the end knows, in its order (KEX-4). */
  End under(Terms terms) {
    return new End(
        crypto,
        id,
        signingKey,
        registry,
        both(terms.versions, versions),
        both(terms.suites, suites));
  }

  private static List<Integer> both(List<Integer> listed, List<Integer> known) {
    List<Integer> found = new ArrayList<>(listed);
    found.retainAll(known);
    return found;
  }

  /** The own identity, serialised. */
  byte[] identity() {
    return Identity.newBuilder()
        .setId(Bytes.field(id.getBytes(US_ASCII)))
        .setPublicKey(Bytes.field(publicKey))
        .build()
        .toByteArray();
  }

  /** The own signature over the transcript. */
  byte[] sign(Labels context, byte[] transcriptHash) {
    return crypto.sign(signingKey, Signatures.message(context, transcriptHash));
  }
}
