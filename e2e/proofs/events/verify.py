"""Verifies deliveries as the Standard Webhooks specification says, with nothing but Python's own library.

Reads JSON lines {secret, id, timestamp, signature, body}; prints how many of them are signed correctly.
"""

import base64
import hashlib
import hmac
import json
import sys

valid = 0
for line in sys.stdin:
    sent = json.loads(line)
    key = base64.b64decode(sent["secret"].removeprefix("whsec_"))
    signed = f"{sent['id']}.{sent['timestamp']}.{sent['body']}".encode()
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    versions = [part.split(",", 1) for part in sent["signature"].split(" ")]
    valid += any(v == "v1" and hmac.compare_digest(s, expected) for v, s in versions)
print(valid)
