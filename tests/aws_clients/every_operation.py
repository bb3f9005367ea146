"""Calls every operation once, signing in both ways: START_URL REGION. Prints the user code, and waits until somebody has
approved it; at the end prints what it got, as JSON. `/authorize` has to redirect at once.
"""

import base64
import hashlib
import http.client
import json
import os
import secrets
import sys
import time
import urllib.parse

import boto3
from botocore import UNSIGNED
from botocore.config import Config

start_url, region = sys.argv[1:]
REDIRECT = "http://127.0.0.1:49152/oauth/callback"
unsigned = {"region_name": region, "config": Config(signature_version=UNSIGNED)}
oidc = boto3.client("sso-oidc", **unsigned)
portal = boto3.client("sso", **unsigned)


def register(**more):
    client = oidc.register_client(
        clientName="judge", clientType="public", scopes=["sso:account:access"], **more
    )
    return {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}


def by_device_code():
    client = register()
    device = oidc.start_device_authorization(startUrl=start_url, **client)
    print(device["userCode"], flush=True)
    grant = {
        "grantType": "urn:ietf:params:oauth:grant-type:device_code",
        "deviceCode": device["deviceCode"],
    }
    while True:
        try:
            return client, oidc.create_token(**grant, **client)
        except oidc.exceptions.AuthorizationPendingException:
            time.sleep(device["interval"])


def by_authorization_code():
    client = register(
        grantTypes=["authorization_code", "refresh_token"],
        redirectUris=["http://127.0.0.1/oauth/callback"],
        issuerUrl=start_url,
    )
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    state = secrets.token_urlsafe(16)
    query = urllib.parse.urlencode(
        {
            "response_type": "code",
            "client_id": client["clientId"],
            "redirect_uri": REDIRECT,
            "state": state,
            "code_challenge_method": "S256",
            "scopes": "sso:account:access",
            "code_challenge": challenge.decode().rstrip("="),
        }
    )
    endpoint = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL_SSO_OIDC"])
    browser = http.client.HTTPConnection(endpoint.netloc)
    browser.request("GET", f"/authorize?{query}")
    location = urllib.parse.urlsplit(browser.getresponse().getheader("location"))
    redirected = dict(urllib.parse.parse_qsl(location.query))
    assert redirected["state"] == state
    return oidc.create_token(
        grantType="authorization_code",
        code=redirected["code"],
        redirectUri=REDIRECT,
        codeVerifier=verifier,
        **client,
    )


def rows(operation, member, **request):
    pages = portal.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **request)
    return [row for page in pages for row in page[member]]


client, token = by_device_code()
second_token = by_authorization_code()
renewed = oidc.create_token(
    grantType="refresh_token", refreshToken=token["refreshToken"], **client
)
access = {"accessToken": renewed["accessToken"]}
accounts = rows("list_accounts", "accountList", **access)
role = {"accountId": "111122223333", "roleName": "ReadOnly"}
roles = rows("list_account_roles", "roleList", accountId=role["accountId"], **access)
credentials = portal.get_role_credentials(**role, **access)["roleCredentials"]
identity = boto3.client(
    "sts",
    region_name=region,
    aws_access_key_id=credentials["accessKeyId"],
    aws_secret_access_key=credentials["secretAccessKey"],
    aws_session_token=credentials["sessionToken"],
).get_caller_identity()
portal.logout(**access)
try:
    portal.get_role_credentials(**role, **access)
    after_logout = None
except portal.exceptions.UnauthorizedException as error:
    after_logout = error.response["Error"]["Code"]
print(
    json.dumps(
        {
            "account": identity["Account"],
            "arn": identity["Arn"],
            "accounts": len(accounts),
            "roles": sorted(role["roleName"] for role in roles),
            "expiresIn": renewed["expiresIn"],
            "secondsOfCredentials": round(credentials["expiration"] / 1000 - time.time()),
            "afterLogout": after_logout,
        }
    )
)
