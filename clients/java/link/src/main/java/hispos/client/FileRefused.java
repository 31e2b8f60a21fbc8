package hispos.client;

/** A signed file that is not taken over. */
public final class FileRefused extends Exception {
  private static final long serialVersionUID = 1L;

  /** The requirement that it breaks. */
  public final String requirement;

  FileRefused(String requirement, String why) {
    super(why + " (" + requirement + ")");
    this.requirement = requirement;
  }
}
