package hispos.client;

import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;

import hispos.client.transport.Lines;
import java.io.File;
import java.io.IOException;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/** Lines by name. */
public class LinesTest {
  @Rule public TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void openingAPortThatIsPulledMakesNoFileInItsPlace() {
    File port = new File(folder.getRoot(), "ttyUSB0");
    assertThrows(IOException.class, () -> Lines.open("serial:" + port));
    assertFalse(port.exists());
  }
}
