package hispos.client;

/** A message or record that is dropped in silence. */
final class Dropped extends Exception {
  private static final long serialVersionUID = 1L;

  /** Its name in the list of drops (framing, section "Drops"). */
  final String name;

  /** The message would have opened under other keys. */
  final boolean isSealed;

  Dropped(String name, String why) {
    this(name, why, false);
  }

  Dropped(String name, String why, boolean isSealed) {
    super(why);
    this.name = name;
    this.isSealed = isSealed;
  }
}
