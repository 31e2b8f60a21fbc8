package hispos.client;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/** Random bytes given from outside, in the order of the draws. */
final class Draws implements Draw {
  private final Deque<byte[]> draws;

  Draws(List<byte[]> draws) {
    this.draws = new ArrayDeque<>(draws);
  }

  Draws(byte[]... draws) {
    this(Arrays.asList(draws));
  }

  @Override
  public byte[] draw(int length) {
    byte[] drawn = draws.remove();
    Vectors.same("length of the draw", length, drawn.length);
    return drawn.clone();
  }
}
