"""Prints what botocore makes of every file in a folder; null for one that it refuses."""

import json
import os
import sys

from botocore.configloader import load_config
from botocore.exceptions import ConfigParseError

readings = {}
for name in os.listdir(sys.argv[1]):
    try:
        readings[name] = load_config(os.path.join(sys.argv[1], name))
    except ConfigParseError:
        readings[name] = None
print(json.dumps(readings))
