"""Signs in by device code: SESSION START_URL REGION. Prints the code, and waits until somebody has approved it.

The token goes where botocore looks for it.
"""

import datetime
import hashlib
import json
import pathlib
import sys
import time

import boto3
from botocore import UNSIGNED
from botocore.config import Config

session_name, start_url, region = sys.argv[1:]
oidc = boto3.client("sso-oidc", region_name=region, config=Config(signature_version=UNSIGNED))
client = oidc.register_client(clientName="story", clientType="public", scopes=["sso:account:access"])
secrets = {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}
device = oidc.start_device_authorization(startUrl=start_url, **secrets)
print(device["userCode"], flush=True)


def poll():
    while True:
        time.sleep(device["interval"])
        try:
            return oidc.create_token(
                grantType="urn:ietf:params:oauth:grant-type:device_code",
                deviceCode=device["deviceCode"],
                **secrets,
            )
        except oidc.exceptions.AuthorizationPendingException:
            pass


def timestamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


token = poll()
now = datetime.datetime.now(datetime.timezone.utc).timestamp()
cache = pathlib.Path.home() / ".aws/sso/cache"
cache.mkdir(parents=True, exist_ok=True)
name = hashlib.sha1(session_name.encode()).hexdigest() + ".json"
(cache / name).write_text(
    json.dumps(
        {
            "startUrl": start_url,
            "region": region,
            "accessToken": token["accessToken"],
            "expiresAt": timestamp(now + token["expiresIn"]),
            "refreshToken": token["refreshToken"],
            "registrationExpiresAt": timestamp(client["clientSecretExpiresAt"]),
            **secrets,
        }
    )
)
