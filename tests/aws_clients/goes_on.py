"""Asks who it is, runs the command in the arguments, which signs out, and goes on: with the role credentials it has, and
with the token it has read. Prints what came of it, as JSON.
"""

import json
import pathlib
import subprocess
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

sts = boto3.client("sts")


def who_am_i():
    identity = sts.get_caller_identity()
    return {"account": identity["Account"], "arn": identity["Arn"]}


def error_of(operation, **request):
    try:
        operation(**request)
    except ClientError as error:
        return error.response["Error"]["Code"]


before = who_am_i()
[file] = pathlib.Path.home().joinpath(".aws/sso/cache").glob("*.json")
token = json.loads(file.read_text())
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)

unsigned = {"region_name": token["region"], "config": Config(signature_version=UNSIGNED)}
portal = error_of(
    boto3.client("sso", **unsigned).get_role_credentials,
    accountId="111122223333",
    roleName="ReadOnly",
    accessToken=token["accessToken"],
)
refresh = error_of(
    boto3.client("sso-oidc", **unsigned).create_token,
    grantType="refresh_token",
    refreshToken=token["refreshToken"],
    clientId=token["clientId"],
    clientSecret=token["clientSecret"],
)
told = {"before": before, "after": who_am_i(), "portal": portal, "refresh": refresh}
print(json.dumps(told))
