package hispos.example;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import hispos.client.Answers;
import hispos.client.Ask;
import hispos.client.Bytes;
import hispos.client.Hashes;
import hispos.client.Merchant;
import hispos.client.NoAnswer;
import hispos.client.PaymentPlatform;
import hispos.client.messages.Channel;
import hispos.client.transport.BootClock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.text.ParseException;
import java.text.SimpleDateFormat;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Payment code for the simulated platform of hispos, as a vendor writes it for his: a dialect, and no
 * money rule.
 */
final class SimulatedPlatform implements PaymentPlatform {
  private static final int ANSWER_BYTES_MAX = 65_536;

  private final InetSocketAddress place;
  private final Merchant merchant;
  private final byte[] secret;
  private final byte[] reversalSecret;

  /** One merchant of its {@code credentials.json}. */
  SimulatedPlatform(String host, int port, JsonObject credential) {
    this.place = new InetSocketAddress(host, port);
    boolean isWechat = credential.get("channel").getAsString().equals("wechat");
    this.merchant =
        new Merchant(
            isWechat ? Channel.CHANNEL_WECHAT : Channel.CHANNEL_ALIPAY,
            credential.get("account").getAsString(),
            credential.get("sub_account").getAsString(),
            true);
    this.secret = Bytes.unhex(credential.get("secret_hex").getAsString());
    this.reversalSecret = Bytes.unhex(credential.get("reversal_secret_hex").getAsString());
  }

  @Override
  public Merchant merchant() {
    return merchant;
  }

  @Override
  public Answers.Profile profile() {
    return merchant.channel == Channel.CHANNEL_WECHAT
        ? Answers.Profile.WECHAT_V2
        : Answers.Profile.ALIPAY;
  }

  @Override
  public Answer verify(Ask ask) throws NoAnswer {
    JsonObject body = body(ask);
    body.addProperty("reversal", true);
    return call("/v1/verify", ask, body, true);
  }

  @Override
  public Answer query(Ask ask) throws NoAnswer {
    return call("/v1/query", ask, body(ask), false);
  }

  @Override
  public Answer pay(Ask ask) throws NoAnswer {
    JsonObject body = body(ask);
    body.addProperty("total", ask.total);
    body.addProperty("code", new String(ask.code.digits()));
    body.addProperty("expires_at", ask.expiresAt);
    body.addProperty("subject", "医院缴费");
    return call("/v1/pay", ask, body, false);
  }

  @Override
  public Answer reverse(Ask ask) throws NoAnswer {
    return call("/v1/reverse", ask, body(ask), true);
  }

  @Override
  public Answer refund(Ask ask) throws NoAnswer {
    JsonObject body = body(ask);
    body.addProperty("refund_number", ask.refundNumber);
    body.addProperty("amount", ask.amount);
    body.addProperty("total", ask.total);
    return call("/v1/refund", ask, body, true);
  }

  @Override
  public Answer queryRefund(Ask ask) throws NoAnswer {
    JsonObject body = body(ask);
    body.addProperty("refund_number", ask.refundNumber);
    return call("/v1/refund-query", ask, body, false);
  }

  private JsonObject body(Ask ask) {
    JsonObject body = new JsonObject();
    boolean isWechat = merchant.channel == Channel.CHANNEL_WECHAT;
    body.addProperty("channel", isWechat ? "wechat" : "alipay");
    body.addProperty("account", merchant.account);
    body.addProperty("sub_account", merchant.subAccount);
    body.addProperty("nonce", Bytes.hex(Program.draw(16)));
    if (!ask.number.isEmpty()) {
      body.addProperty("number", ask.number);
    }
    return body;
  }

  private Answer call(String path, Ask ask, JsonObject members, boolean isReversal)
      throws NoAnswer {
    byte[] body = members.toString().getBytes(UTF_8);
    byte[] signed = Bytes.concat(("POST\n" + path + "\n").getBytes(US_ASCII), body);
    String signature = Bytes.hex(Hashes.hmac(secret, signed));
    StringBuilder head = new StringBuilder("POST " + path + " HTTP/1.1\r\n");
    head.append("Host: ").append(place.getHostString()).append("\r\n");
    head.append("Hispos-Sim-Signature: ").append(signature).append("\r\n");
    if (isReversal) {
      String reversal = Bytes.hex(Hashes.hmac(reversalSecret, signed));
      head.append("Hispos-Sim-Reversal-Signature: ").append(reversal).append("\r\n");
    }
    head.append("Content-Type: application/json\r\nContent-Length: ").append(body.length);
    head.append("\r\nConnection: close\r\n\r\n");
    byte[] request = Bytes.concat(head.toString().getBytes(US_ASCII), body);
    long[] firstByte = new long[1];
    byte[] answer = exchange(request, ask, firstByte);
    try {
      return read(answer, signature, firstByte[0]);
    } catch (RuntimeException | ParseException error) {
      throw new NoAnswer(firstByte[0], "an answer that proves nothing");
    }
  }

  /** One request on one connection (PAY-3 to PAY-8). */
  private byte[] exchange(byte[] request, Ask ask, long[] firstByte) throws NoAnswer {
    Socket socket = new Socket();
    try {
      try {
        socket.connect(place, (int) ask.connectMs);
      } catch (IOException error) {
        throw new NoAnswer(null, "no connection");
      }
      firstByte[0] = BootClock.now();
      if (firstByte[0] >= ask.notAfter) {
        throw new NoAnswer(null, "too late to write");
      }
      socket.getOutputStream().write(request);
      InputStream input = socket.getInputStream();
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      byte[] piece = new byte[4096];
      while (true) {
        long left = firstByte[0] + ask.httpMs - BootClock.now();
        if (left <= 0 || answer.size() > ANSWER_BYTES_MAX) {
          throw new IOException("no whole answer in time");
        }
        socket.setSoTimeout((int) left);
        int length = input.read(piece);
        if (length < 0) {
          return answer.toByteArray();
        }
        answer.write(piece, 0, length);
      }
    } catch (IOException error) {
      reset(socket);
      throw new NoAnswer(firstByte[0], "no whole answer");
    } finally {
      close(socket);
    }
  }

  /** The end is a reset: nothing more of the request is sent (PAY-8). */
  private static void reset(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
    } catch (IOException error) {
      // It is closed all the same.
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException error) {
      // There is nothing more to close.
    }
  }

  private Answer read(byte[] answer, String signature, long firstByte) throws ParseException {
    String text = new String(answer, UTF_8);
    int end = text.indexOf("\r\n\r\n");
    String[] lines = text.substring(0, end).split("\r\n");
    Map<String, String> headers = new HashMap<>();
    for (String line : lines) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        headers.put(
            line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
      }
    }
    byte[] body = text.substring(end + 4).getBytes(UTF_8);
    byte[] signed = Bytes.concat(("200\n" + signature + "\n").getBytes(US_ASCII), body);
    byte[] told = Bytes.unhex(headers.get("hispos-sim-signature"));
    boolean isWhole = body.length == Integer.parseInt(headers.get("content-length"));
    if (!lines[0].split(" ")[1].equals("200")
        || !isWhole
        || !Hashes.isEqual(told, Hashes.hmac(secret, signed))) {
      throw new IllegalArgumentException("status, length or signature");
    }
    Map<String, Object> parts = new HashMap<>();
    JsonObject members = JsonParser.parseString(new String(body, UTF_8)).getAsJsonObject();
    for (Map.Entry<String, JsonElement> member : members.entrySet()) {
      String name = member.getKey().equals("amount") ? "refund_amount" : member.getKey();
      if (member.getValue().isJsonPrimitive()) {
        parts.put(name, part(member.getValue()));
      }
    }
    SimpleDateFormat format = new SimpleDateFormat("EEE, dd MMM yyyy HH:mm:ss zzz", Locale.ENGLISH);
    return new Answer(parts, format.parse(headers.get("date")).getTime() / 1000, firstByte);
  }

  private static Object part(JsonElement value) {
    if (value.getAsJsonPrimitive().isNumber()) {
      return value.getAsLong();
    }
    return value.getAsJsonPrimitive().isString()
        ? (Object) value.getAsString()
        : (Object) value.getAsBoolean();
  }
}
