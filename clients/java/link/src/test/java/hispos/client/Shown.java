package hispos.client;

import com.google.gson.JsonElement;
import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Messages as the vectors write them: absent fields left out, bytes in hexadecimal. */
final class Shown {
  private static final String ENDING = "_FIELD_NUMBER";

  private Shown() {}

  static Map<String, Object> of(MessageLite message) throws ReflectiveOperationException {
    Map<String, Object> found = new TreeMap<>();
    for (Field constant : message.getClass().getFields()) {
      if (!constant.getName().endsWith(ENDING)) {
        continue;
      }
      String upper = constant.getName().substring(0, constant.getName().length() - ENDING.length());
      String name = upper.toLowerCase(Locale.ROOT);
      StringBuilder camel = new StringBuilder();
      for (String word : name.split("_")) {
        camel.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
      }
      Object value = value(message, name, camel.toString());
      if (value != null) {
        found.put(name, value);
      }
    }
    return found;
  }

  private static Object value(MessageLite message, String name, String camel)
      throws ReflectiveOperationException {
    Method list = method(message, "get" + camel + "List");
    if (list != null) {
      List<Object> shown = new ArrayList<>();
      for (Object item : (List<?>) list.invoke(message)) {
        shown.add(one(item, name));
      }
      return shown.isEmpty() ? null : shown;
    }
    Method has = method(message, "has" + camel);
    if (has != null) {
      return (Boolean) has.invoke(message) ? one(method(message, "get" + camel).invoke(message), name) : null;
    }
    Method number = method(message, "get" + camel + "Value");
    Object shown = one((number != null ? number : method(message, "get" + camel)).invoke(message), name);
    boolean isAbsent = shown.equals(0L) || shown.equals("") || shown.equals(false);
    return isAbsent ? null : shown;
  }

  private static Object one(Object item, String name) throws ReflectiveOperationException {
    if (item instanceof MessageLite) {
      return of((MessageLite) item);
    }
    if (item instanceof ByteString) {
      return Bytes.hex(((ByteString) item).toByteArray());
    }
    if (item instanceof Integer) {
      int number = (Integer) item;
      return name.equals("utc_offset_minutes") ? (long) number : number & 0xFFFFFFFFL;
    }
    return item;
  }

  private static Method method(Object message, String name) {
    try {
      return message.getClass().getMethod(name);
    } catch (NoSuchMethodException error) {
      return null;
    }
  }

  /** JSON in the same form. */
  static Object json(JsonElement element) {
    if (element == null || element.isJsonNull()) {
      return null;
    }
    if (element.isJsonObject()) {
      Map<String, Object> found = new TreeMap<>();
      element.getAsJsonObject().entrySet().forEach(entry -> found.put(entry.getKey(), json(entry.getValue())));
      return found;
    }
    if (element.isJsonArray()) {
      List<Object> found = new ArrayList<>();
      element.getAsJsonArray().forEach(item -> found.add(json(item)));
      return found;
    }
    if (element.getAsJsonPrimitive().isNumber()) {
      return element.getAsLong();
    }
    return element.getAsJsonPrimitive().isBoolean() ? (Object) element.getAsBoolean() : element.getAsString();
  }
}
