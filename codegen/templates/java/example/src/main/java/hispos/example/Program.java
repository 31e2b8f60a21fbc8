package hispos.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.security.SecureRandom;

/** What the example programs share: exit codes, the files of a folder, random bytes. */
final class Program {
  static final int DONE = 0;
  static final int USAGE = 2;
  static final int REFUSED = 3;
  static final int UNKNOWN = 4;
  static final int NOT_REACHABLE = 5;

  private static final SecureRandom RANDOM = new SecureRandom();

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
}
