package hispos.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import hispos.client.Agreements;
import hispos.client.Bytes;
import hispos.client.Crypto;
import hispos.client.FileRefused;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What the example programs share: exit codes, the files of a folder, random bytes. */
final class Program {
  static final int DONE = 0;
  static final int USAGE = 2;
  static final int REFUSED = 3;
  static final int UNKNOWN = 4;
  static final int NOT_REACHABLE = 5;

  private static final SecureRandom RANDOM = new SecureRandom();
  private static String told = "";

  private Program() {}

  static byte[] draw(int length) {
    byte[] drawn = new byte[length];
    RANDOM.nextBytes(drawn);
    return drawn;
  }

  static byte[] read(File home, String name) throws IOException {
    return Files.readAllBytes(new File(home, name).toPath());
  }

  static String text(File home, String name) throws IOException {
    return new String(read(home, name), UTF_8).trim();
  }

  /** The files {@code agreement*.hispos} of a folder: every agreement that was ever taken over. */
  static List<File> agreementFiles(File home) throws IOException {
    File[] files = home.listFiles((folder, name) -> name.matches("agreement.*\\.hispos"));
    if (files == null || files.length == 0) {
      throw new IOException(home + " holds no agreement*.hispos");
    }
    return Arrays.asList(files);
  }

  /** The agreements of a folder, the newest first (PRV-30). */
  static List<Agreements.Signed> agreements(Crypto crypto, File home)
      throws IOException, FileRefused {
    Set<String> hashes = new HashSet<>();
    List<Agreements.Signed> found = new ArrayList<>();
    for (File file : agreementFiles(home)) {
      Agreements.Signed signed = Agreements.read(crypto, Files.readAllBytes(file.toPath()));
      if (!signed.agreement.getSimulated()) {
        throw new IOException("this example takes simulated agreements only");
      }
      if (hashes.add(Bytes.hex(signed.hash))) {
        found.add(signed);
      }
    }
    found.sort(
        (one, other) ->
            Integer.compareUnsigned(
                other.agreement.getAgreementNo(), one.agreement.getAgreementNo()));
    return found;
  }

  /** Says on standard error what is wrong, and not again while nothing else is. */
  static synchronized void tell(String text) {
    if (!text.equals(told)) {
      System.err.println(text);
      told = text;
    }
  }

  /** Waits; false if the thread is to end. */
  static boolean sleep(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
      return true;
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  static void close(Closeable one) {
    try {
      if (one != null) {
        one.close();
      }
    } catch (IOException error) {
      // There is nothing more to close.
    }
  }
}
