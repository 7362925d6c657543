"""Writes canonical-json.vectors.json: bodies, how Python prints them again, and their signatures.

    python3 lib/snaptrade/canonical-json.vectors.py

Each body is written in some other way than the canonical one: spaced, re-ordered, escaped or not.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import random

KEY = "TEST-CONSUMER-KEY-0001"
random.seed(20261121)

TEXTS = [
    "", "plain", "zoë", "日本", "😀", "a/b", "\"quoted\"", "back\\slash", "tab\there", "line\nbreak", "\x7f", "\u2028\u2029",
    "\x00\x01\x1f", "\ud800", "\udfff lone", "é", "e\u0301", "\U0010ffff", "\uffff", "\u00a0", "__proto__", "constructor", "10", "9", "Ａ",
]
NUMBERS = [
    "0", "-0", "0.0", "-0.0", "1", "-1", "1.0", "1.50", "1e5", "1E5", "1e+5", "1e-7", "1E-7", "1e16", "1e15", "123456789012345678",
    "9007199254740993", "123456789012345678901234567890", "0.1", "0.30000000000000004", "1e-4", "1e-5", "0.0001", "0.00001",
    "5e-324", "1.7976931348623157e308", "1e400", "-1e400", "1e22", "1e23", "123456.789", "-2.5e-10", "100000000000000000000.0", "3.14e2",
]


def random_value(depth):
    kind = random.random()
    if kind < 0.35:
        return ("text", random.choice(TEXTS) + random.choice(["", random.choice(TEXTS)]))
    if kind < 0.65 or depth > 3:
        return ("raw", random.choice(NUMBERS + ["true", "false", "null"]))
    if kind < 0.8:
        return ("list", [random_value(depth + 1) for _ in range(random.randrange(4))])
    return ("object", [(random.choice(TEXTS) + random.choice(["", "x", "é"]), random_value(depth + 1)) for _ in range(random.randrange(6))])


def spell(value, ascii_only):
    """One of the ways to write the value down; members keep their order, and equal keys stay."""
    kind, content = value
    gap = random.choice(["", " ", "\n\t", "  "])
    if kind == "raw":
        return content
    if kind == "text":
        lone = any(0xD800 <= ord(letter) <= 0xDFFF for letter in content)
        return json.dumps(content, ensure_ascii=ascii_only or lone)
    if kind == "list":
        return "[" + gap + ("," + gap).join(spell(item, ascii_only) for item in content) + gap + "]"
    members = [spell(("text", key), ascii_only) + gap + ":" + gap + spell(item, ascii_only) for key, item in content]
    return "{" + gap + ("," + gap).join(members) + gap + "}"


def vector(body):
    canonical = json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True)
    signature = base64.b64encode(hmac.new(KEY.encode(), canonical.encode(), hashlib.sha256).digest()).decode()
    return {"body": body, "canonical": canonical, "signature": signature}


bodies = ['{"n":%s}' % number for number in NUMBERS]
bodies += [json.dumps({"t": text, text: 1}, ensure_ascii=any(0xD800 <= ord(c) <= 0xDFFF for c in text)) for text in TEXTS]
bodies += ['{"a":1,"a":2}', '{"b":{"z":1,"a":{"y":2,"x":[3.0,{}]}},"a":[]}', ' [ ] ', '"alone"', "1E5", '{"\\u00e9":1,"\\u0065":2}']
while len(bodies) < 260:
    members = [(random.choice(TEXTS) or "k", random_value(0)) for _ in range(1 + random.randrange(7))]
    bodies.append(spell(("object", members), random.random() < 0.5))

vectors = [vector(body) for body in bodies]
lines = ",\n".join(json.dumps(entry, ensure_ascii=True) for entry in vectors)
target = pathlib.Path(__file__).with_name("canonical-json.vectors.json")
target.write_text('{ "key": %s, "vectors": [\n%s\n] }\n' % (json.dumps(KEY), lines))
print(f"{len(vectors)} vectors")
