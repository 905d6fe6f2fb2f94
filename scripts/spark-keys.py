"""Lists every configuration key of a Spark release, as Spark itself declares them.

Usage: spark-keys.py JARS_DIR [EXTRA_JAR ...] > lib/checker/facts/spark-keys-VERSION.json, then npx biome format --write on it

JARS_DIR is the `jars` folder of a Spark distribution (pyspark/jars of the PyPI package, whose Python runs this), an
extra jar a connector such as spark-sql-kafka-0-10. Each class that mentions a configuration builder is initialized in
a JVM, which registers its ConfigEntry objects; they are then read from Spark's own registry. Texts in the jars that
look like a key, and are read without an entry, complete the list; texts that end in a dot are its open-ended
prefixes.
"""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

KEY = re.compile(r"spark(\.[A-Za-z][A-Za-z0-9_-]*)+")
PREFIX = re.compile(r"spark(\.[A-Za-z][A-Za-z0-9_-]*)+\.")
BUILDERS = ("org/apache/spark/internal/config/ConfigBuilder", "org/apache/spark/internal/config/ConfigEntry")
CLASS_SUFFIX = ".class"


def constants(class_file: bytes) -> Iterator[str]:
    """The Utf8 entries of a class file's constant pool (JVM specification, section 4.4)."""
    (count,) = struct.unpack_from(">H", class_file, 8)
    offset, index = 10, 1
    sizes = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
    while index < count:
        tag = class_file[offset]
        if tag == 1:
            (length,) = struct.unpack_from(">H", class_file, offset + 1)
            yield class_file[offset + 3 : offset + 3 + length].decode("utf-8", "replace")
            offset += 3 + length
        else:
            offset += 1 + sizes[tag]
        index += 2 if tag in (5, 6) else 1


def scan(jars: list[Path]) -> tuple[list[str], set[str], set[str]]:
    """Classes that build configuration entries, texts that are keys, and texts that are prefixes of keys."""
    classes: list[str] = []
    keys: set[str] = set()
    prefixes: set[str] = set()
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if not name.endswith(CLASS_SUFFIX) or not name.startswith("org/apache/spark/"):
                    continue
                found = set(constants(archive.read(name)))
                if name.endswith("$.class") and any(builder in text for text in found for builder in BUILDERS):
                    classes.append(name.removesuffix(CLASS_SUFFIX).replace("/", "."))
                keys.update(text for text in found if KEY.fullmatch(text))
                prefixes.update(text for text in found if PREFIX.fullmatch(text))
    return classes, keys, prefixes


READER = """
import java.lang.reflect.*;
import java.util.*;

public class ReadEntries {
  static Object call(Object target, String name) throws Exception {
    Method method = null;
    for (Class<?> c = target.getClass(); c != null && method == null; c = c.getSuperclass())
      for (Method m : c.getDeclaredMethods())
        if (m.getName().equals(name) && m.getParameterCount() == 0) { method = m; break; }
    method.setAccessible(true);
    return method.invoke(target);
  }

  static String type(Object entry) {
    try {
      Object converter = call(entry, "valueConverter");
      String[] probes = {"true", "1", "1.5", "x,y", "1m"};
      Map<String, Object> results = new HashMap<>();
      for (String probe : probes)
        try {
          Object value = ((scala.Function1<Object, Object>) converter).apply(probe);
          results.put(probe, value instanceof scala.Option ? ((scala.Option<?>) value).getOrElse(() -> null) : value);
        } catch (Throwable refused) { }
      if (results.get("true") instanceof Boolean) return "boolean";
      Object one = results.get("1");
      if (one instanceof Integer) return "int";
      if (one instanceof Long) {
        Object minute = results.get("1m");
        if (minute instanceof Long)
          return ((Long) minute) == 1048576L || ((Long) minute) == 1024L || ((Long) minute) == 1L ? "bytes" : "time";
        return "long";
      }
      if (one instanceof Double) return "double";
      if (one instanceof scala.collection.Seq) return "list";
      return "string";
    } catch (Throwable unknown) { return "string"; }
  }

  public static void main(String[] args) throws Exception {
    Scanner input = new Scanner(System.in);
    while (input.hasNextLine())
      try { Class.forName(input.nextLine(), true, ReadEntries.class.getClassLoader()); }
      catch (Throwable unusable) { System.err.println("not loaded: " + unusable); }
    Class<?> registry = Class.forName("org.apache.spark.internal.config.ConfigEntry$");
    Object module = registry.getField("MODULE$").get(null);
    Map<?, ?> known = (Map<?, ?>) call(module, "knownConfigs");
    for (Map.Entry<?, ?> item : new TreeMap<>(known).entrySet()) {
      Object entry = item.getValue();
      String value = String.valueOf(call(entry, "defaultValueString"));
      System.out.println(String.join("\\t", String.valueOf(item.getKey()), type(entry),
        value.replace("\\n", " ").replace("\\t", " "), String.valueOf(call(entry, "version"))));
      scala.collection.Iterator<?> others =
        (scala.collection.Iterator<?>) call(call(entry, "alternatives"), "iterator");
      while (others.hasNext())
        System.out.println(String.join("\\t", String.valueOf(others.next()), type(entry), "", ""));
    }
  }
}
"""


def registered(jars: list[Path], classes: list[str], work: Path) -> dict[str, dict[str, str]]:
    """What Spark's registry holds after every class was initialized: key to type, default and since."""
    source = work / "ReadEntries.java"
    source.write_text(READER)
    classpath = ":".join(str(jar) for jar in jars)
    subprocess.run(["javac", "-nowarn", "-cp", classpath, "-d", str(work), str(source)], check=True)
    opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.nio", "sun.nio.ch")]
    result = subprocess.run(
        ["java", *opens, "-cp", f"{work}:{classpath}", "ReadEntries"],
        input="\n".join(classes),
        text=True,
        capture_output=True,
        check=True,
    )
    entries: dict[str, dict[str, str]] = {}
    for line in result.stdout.splitlines():
        key, kind, default, since = (line.split("\t") + [""] * 4)[:4]
        if not key.startswith("spark."):
            continue
        entry = {"type": kind}
        if default not in ("", "<undefined>"):
            entry["default"] = default.replace(os.getcwd(), "<working directory>")
        if since not in ("", "null"):
            entry["since"] = since
        entries.setdefault(key, entry)
    return entries


def main() -> None:
    """Prints the list as JSON: {"spark", "keys": {key: {type, default, since}}, "texts": [...], "prefixes": [...]}."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    core = next(folder.glob("spark-core_*.jar"), None)
    if core is None:
        sys.exit(f"{folder} holds no spark-core jar; name the jars folder of a Spark distribution")
    version = core.stem.split("-")[2]
    extra = [Path(name) for name in sys.argv[2:]]
    jars = sorted(folder.glob("*.jar")) + extra
    classes, texts, prefixes = scan([jar for jar in jars if jar.name.startswith("spark-")])
    with tempfile.TemporaryDirectory() as work:
        keys = registered(jars, classes, Path(work))
    # One key a line, so that two releases can be compared.
    lines = [f"    {json.dumps(key)}: {json.dumps(entry)}" for key, entry in sorted(keys.items())]
    lists = {"texts": sorted(texts - keys.keys()), "prefixes": sorted(prefixes)}
    parts = [f'  "spark": {json.dumps(version)}', '  "keys": {\n' + ",\n".join(lines) + "\n  }"]
    for name, items in lists.items():
        parts.append(f'  "{name}": [\n' + ",\n".join(f"    {json.dumps(item)}" for item in items) + "\n  ]")
    sys.stdout.write("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
