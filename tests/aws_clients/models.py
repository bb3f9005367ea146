"""Has every operation of the emulator answer with success and with each of its errors, and checks the answers as they come
over the wire against botocore's service models: BASE_URL START_URL REGION. Prints the answers by operation and what was
wrong with any, as JSON.

With a fourth argument, `spoiled`, the emulator is told to spoil some answers: a check of this checker.
"""

import base64
import collections
import hashlib
import http.client
import json
import re
import sys
import time
import urllib.parse
import xml.etree.ElementTree

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

base_url, start_url, region, *spoiled = sys.argv[1:]
emulator = urllib.parse.urlsplit(base_url).netloc

# What the service sends although its model does not know it.
UNMODELLED = {"GetRoleCredentials": {"ForbiddenException": 403}}
# The models' types do not tell seconds from milliseconds.
UNITS_A_SECOND = {"clientIdIssuedAt": 1, "clientSecretExpiresAt": 1, "expiration": 1000}
A_YEAR = 366 * 24 * 3600
# The models do not list these: they are common to all services that take signed requests.
COMMON_ERRORS = {
    "AccessDenied": 403,
    "ValidationError": 400,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "SignatureDoesNotMatch": 403,
}
STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"

seen = collections.defaultdict(set)
filled, null = set(), set()
wrong = []


def control(method, path, body=None):
    connection = http.client.HTTPConnection(emulator)
    text = body if isinstance(body, str) else json.dumps(body or {})
    connection.request(method, f"/_control/{path}", text)
    answer = connection.getresponse()
    told = answer.read()
    assert answer.status == 200, told
    return json.loads(told)


def now():
    text = control("GET", "clock")["now"].split(".")[0].rstrip("Z")
    return time.mktime(time.strptime(text + " UTC", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone


def check_value(shape, value, path):
    kinds = {
        "structure": dict,
        "list": list,
        "map": dict,
        "string": str,
        "integer": int,
        "long": int,
        "boolean": bool,
    }
    if type(value) is not kinds[shape.type_name]:
        yield f"{path} is no {shape.type_name}: {value!r}"
        return
    limits = shape.metadata
    if shape.type_name == "string":
        if "enum" in limits and value not in limits["enum"]:
            yield f"{path} is none of {limits['enum']}: {value!r}"
        if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
            yield f"{path} does not fit {limits['pattern']}: {value!r}"
    size = len(value) if shape.type_name in ("string", "list") else value
    if shape.type_name in ("string", "list", "integer", "long"):
        if not limits.get("min", size) <= size <= limits.get("max", size):
            yield f"{path} is out of range: {value!r}"
    if shape.type_name == "structure":
        yield from check_members(shape, value, path)
    if shape.type_name == "list":
        for row in value:
            yield from check_value(shape.member, row, f"{path}[]")


def check_members(shape, value, path):
    members = {
        member.serialization.get("name", name): member for name, member in shape.members.items()
    }
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{path} lacks {name}"
    for name, member in value.items():
        (null if member is None else filled).add(f"{path}.{name}")
        if name not in members:
            yield f"{path} has a member {name} that the model does not know"
        elif member is not None:
            yield from check_value(members[name], member, f"{path}.{name}")
            unit = UNITS_A_SECOND.get(name)
            if unit and isinstance(member, int) and abs(member / unit - now()) > A_YEAR:
                yield f"{path}.{name} is in another unit: {member}"


def check_success(operation, answer):
    text = answer["body"]
    if answer["status_code"] != operation.http.get("responseCode", 200):
        yield f"status {answer['status_code']}"
    if operation.output_shape is None:
        if text:
            yield f"a body where there is none: {text!r}"
        return
    yield from check_value(operation.output_shape, json.loads(text), operation.name)


def check_error(operation, answer, name):
    shapes = {shape.name: shape for shape in operation.error_shapes}
    body = json.loads(answer["body"])
    status = UNMODELLED.get(operation.name, {}).get(name)
    if status is None:
        if name not in shapes:
            yield f"an error {name} that the model does not know"
            return
        shape = shapes[name]
        status = shape.metadata["error"]["httpStatusCode"]
        kind = body.pop("__type", f"#{name}")
        if not kind.endswith(f"#{name}"):
            yield f"{name} calls itself {kind}"
        yield from check_members(shape, body, name)
        said = re.search("<code>(.*?)</code>", shape.members["error"].documentation) if "error" in body else None
        if said and said[1] != body["error"]:
            yield f"{name} has the error {body['error']}, not {said[1]}"
    if answer["status_code"] != status:
        yield f"{name} with status {answer['status_code']}, not {status}"
    if not any(isinstance(value, str) and " " in value for value in body.values()):
        yield f"{name} says nothing to people: {body}"


def name_of(element):
    return element.tag.removeprefix(STS)


def error_code(shape):
    return shape.metadata.get("error", {}).get("code", shape.name)


def check_element(shape, element, path):
    """A value of the query protocol: text in elements."""
    text = element.text or ""
    if shape.type_name == "structure":
        filled.update(f"{path}.{name_of(child)}" for child in element)
        present = {name_of(child) for child in element}
        for name in set(shape.required_members) - present:
            yield f"{path} lacks {name}"
        for child in element:
            name = name_of(child)
            if name not in shape.members:
                yield f"{path} has a member {name} that the model does not know"
            else:
                yield from check_element(shape.members[name], child, f"{path}.{name}")
    elif shape.type_name == "timestamp":
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
            yield f"{path} is no time: {text!r}"
    elif shape.type_name == "integer":
        value = int(text) if re.fullmatch("-?[0-9]+", text) else text
        yield from check_value(shape, value, path)
    else:
        yield from check_value(shape, text, path)


def check_xml(operation, answer):
    root = xml.etree.ElementTree.fromstring(answer["body"])
    text = {name_of(element): element.text for element in root.iter()}
    if answer["status_code"] == 200:
        wanted = [f"{operation.name}Response", f"{operation.name}Result", "ResponseMetadata"]
        if [name_of(root), *map(name_of, root)] != wanted:
            yield f"elements {[name_of(root), *map(name_of, root)]}, not {wanted}"
        yield from check_element(operation.output_shape, root[0], operation.name)
    else:
        wanted = {"ErrorResponse", "Error", "Type", "Code", "Message", "RequestId"}
        if set(text) != wanted:
            yield f"elements {sorted(text)}, not {sorted(wanted)}"
        code = text.get("Code")
        modelled = {error_code(shape): shape.metadata["error"]["httpStatusCode"] for shape in operation.error_shapes}
        # The model has 400 for an expired token, which is that of web identities.
        status = {**modelled, **COMMON_ERRORS}.get(code)
        if answer["status_code"] != status:
            yield f"an error {code} with status {answer['status_code']}, not {status}"
    if text.get("RequestId") != answer["headers"].get("x-amzn-requestid"):
        yield "another RequestId in the header"


def check(operation, answer):
    """Whatever is wrong with an answer as it came."""
    name = answer["headers"].get("x-amzn-errortype", "").split(":")[0]
    try:
        if operation.service_model.service_name == "sts":
            found = check_xml(operation, answer)
        elif name:
            found = check_error(operation, answer, name)
        else:
            found = check_success(operation, answer)
        wrong.extend(f"{operation.name}: {problem}" for problem in found)
    except ValueError as error:
        wrong.append(f"{operation.name}: unreadable: {error}")


def client(service, **options):
    made = boto3.client(
        service,
        region_name=region,
        endpoint_url=base_url,
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            signature_version=None if options else UNSIGNED,
        ),
        **options,
    )
    # Before botocore's own handler, which adds to the errors of SSO-OIDC.
    made.meta.events.register_first(
        f"before-parse.{service}.*",
        lambda operation_model, response_dict, **_: check(operation_model, response_dict),
    )
    return made


def answers(operation, service, expected=None, **request):
    """Calls and wants success, or the error of that name."""
    method = getattr(service, re.sub("(?<!^)(?=[A-Z])", "_", operation).lower())
    try:
        answer, came = method(**request), "success"
    except ClientError as error:
        answer, came = None, error.response["Error"]["Code"]
    except (ResponseParserError, AttributeError):
        answer, came = None, "unreadable"
    seen[operation].add(came)
    if came != (expected or "success"):
        wrong.append(f"{operation}: {came}, not {expected or 'success'}")
    return answer


def with_fault(expected, operation, service, fault, **request):
    control("POST", "faults", {"operation": operation, "times": 1, **fault})
    answers(operation, service, expected, **request)


oidc, portal = client("sso-oidc"), client("sso")
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
REDIRECT = "http://127.0.0.1:49152/oauth/callback"
PUBLIC = {"clientName": "models", "clientType": "public", "scopes": ["sso:account:access"]}
FOR_CODES = {
    **PUBLIC,
    "grantTypes": ["authorization_code", "refresh_token"],
    "redirectUris": ["http://127.0.0.1/oauth/callback"],
    "issuerUrl": start_url,
}
THROTTLED, BROKEN = {"trouble": "throttled"}, {"trouble": "server_error"}
ROLE = {"accountId": "111122223333", "roleName": "ReadOnly"}
FURTHER_ROLE = {"RoleArn": "arn:aws:iam::999900001111:role/LogReader", "RoleSessionName": "models"}
POLICY = json.dumps({"Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}})


def registered(request):
    made = answers("RegisterClient", oidc, **request)
    return {"clientId": made["clientId"], "clientSecret": made["clientSecret"]}


def device(registration):
    return answers("StartDeviceAuthorization", oidc, startUrl=start_url, **registration)


def token(expected=None, **request):
    return answers("CreateToken", oidc, expected, **request)


def code_for(registration, verifier):
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    query = {
        "response_type": "code",
        "client_id": registration["clientId"],
        "redirect_uri": REDIRECT,
        "state": "state",
        "code_challenge_method": "S256",
        "scopes": "sso:account:access",
        "code_challenge": challenge.rstrip("="),
    }
    browser = http.client.HTTPConnection(emulator)
    browser.request("GET", f"/authorize?{urllib.parse.urlencode(query)}")
    location = urllib.parse.urlsplit(browser.getresponse().getheader("location"))
    return dict(urllib.parse.parse_qsl(location.query))["code"]


def register_clients():
    for changes, error in [
        ({"issuerUrl": "https://somebody.else.example/start"}, "InvalidRequestException"),
        ({"scopes": ["nonsense"]}, "InvalidScopeException"),
        ({"clientType": "confidential"}, "InvalidClientMetadataException"),
        ({"redirectUris": ["https://example.com/"]}, "InvalidRedirectUriException"),
        ({"grantTypes": ["password"]}, "UnsupportedGrantTypeException"),
    ]:
        answers("RegisterClient", oidc, error, **{**FOR_CODES, **changes})
    with_fault("SlowDownException", "RegisterClient", oidc, THROTTLED, **PUBLIC)
    with_fault("InternalServerException", "RegisterClient", oidc, BROKEN, **PUBLIC)
    return registered(PUBLIC), registered(FOR_CODES)


def start_devices(for_devices, for_codes):
    request = {"startUrl": start_url}
    answers("StartDeviceAuthorization", oidc, "InvalidRequestException", **for_devices)
    stranger = {"clientId": "nobody", "clientSecret": "none", **request}
    answers("StartDeviceAuthorization", oidc, "InvalidClientException", **stranger)
    answers("StartDeviceAuthorization", oidc, "UnauthorizedClientException", **for_codes, **request)
    for error, fault in [("SlowDownException", THROTTLED), ("InternalServerException", BROKEN)]:
        with_fault(error, "StartDeviceAuthorization", oidc, fault, **for_devices, **request)


def create_tokens(for_devices, for_codes):
    """Every way to a token, and to none; returns the token in use."""
    late = device(for_devices)
    denied = device(for_devices)
    control("POST", "deny", {"user_code": denied["userCode"]})
    grant = {"grantType": DEVICE, **for_devices}
    token("InvalidRequestException", **grant)
    token("InvalidClientException", **{**grant, "clientSecret": "wrong"}, deviceCode="x")
    token("InvalidGrantException", **grant, deviceCode="unknown")
    token("UnauthorizedClientException", **{**grant, **for_codes}, deviceCode="x")
    token("UnsupportedGrantTypeException", **{**grant, "grantType": "password"})
    token("AccessDeniedException", **grant, deviceCode=denied["deviceCode"])
    for _ in range(3):
        token("AuthorizationPendingException", **grant, deviceCode=late["deviceCode"])
    token("SlowDownException", **grant, deviceCode=late["deviceCode"])
    with_fault("InternalServerException", "CreateToken", oidc, BROKEN, **grant)
    control("POST", "clock", {"advance_seconds": 601})
    token("ExpiredTokenException", **grant, deviceCode=late["deviceCode"])

    approved = device(for_devices)
    control("POST", "approve", {"user_code": approved["userCode"], "user": "amara"})
    first = token(**grant, deviceCode=approved["deviceCode"])
    refresh = {"grantType": "refresh_token", **for_devices}
    token("InvalidGrantException", **refresh, refreshToken="unknown")
    second = token(**refresh, refreshToken=first["refreshToken"])
    control("POST", "auto-approve", {"user": "amara"})
    verifier = "0123456789-abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOP"
    exchange = {"grantType": "authorization_code", "redirectUri": REDIRECT, **for_codes}
    token(**exchange, code=code_for(for_codes, verifier), codeVerifier=verifier)
    return second["accessToken"]


def without_scopes():
    registration = registered({"clientName": "models", "clientType": "public"})
    started = device(registration)
    control("POST", "approve", {"user_code": started["userCode"], "user": "amara"})
    token(grantType=DEVICE, deviceCode=started["deviceCode"], **registration)


def lists(access):
    for operation, request in [
        ("ListAccounts", {}),
        ("ListAccountRoles", {"accountId": ROLE["accountId"]}),
    ]:
        page = answers(operation, portal, maxResults=1, accessToken=access, **request)
        while page.get("nextToken"):
            page = answers(
                operation,
                portal,
                maxResults=1,
                nextToken=page["nextToken"],
                accessToken=access,
                **request,
            )
        for size in (0, 101):
            error = "InvalidRequestException"
            answers(operation, portal, error, maxResults=size, accessToken=access, **request)
        refusals(operation, access, request)
        with_fault(
            "ResourceNotFoundException",
            operation,
            portal,
            {"status": 404},
            accessToken=access,
            **request,
        )


def refusals(operation, access, request):
    answers(operation, portal, "UnauthorizedException", accessToken="unknown", **request)
    error = "TooManyRequestsException"
    with_fault(error, operation, portal, THROTTLED, accessToken=access, **request)


def role_credentials(access):
    operation = "GetRoleCredentials"
    answers(operation, portal, "InvalidRequestException", accessToken=access, roleName="ReadOnly")
    stranger = {**ROLE, "roleName": "Nobody", "accessToken": access}
    answers(operation, portal, "ForbiddenException", **stranger)
    control("POST", "world", '[unsettled]\nunassigned_role = "not_found"')
    answers(operation, portal, "ResourceNotFoundException", **stranger)
    refusals(operation, access, ROLE)
    return answers(operation, portal, accessToken=access, **ROLE)["roleCredentials"]


def of_sts(credentials):
    def keys(**changes):
        return client(
            "sts",
            **{
                "aws_access_key_id": credentials["accessKeyId"],
                "aws_secret_access_key": credentials["secretAccessKey"],
                "aws_session_token": credentials["sessionToken"],
                **changes,
            },
        )

    identity, role = ("GetCallerIdentity", {}), ("AssumeRole", FURTHER_ROLE)
    answers(role[0], keys(), **role[1], Policy=POLICY, Tags=[{"Key": "Team", "Value": "blue"}])
    answers("AssumeRole", keys(), "AccessDenied", **{**FURTHER_ROLE, "RoleArn": FURTHER_ROLE["RoleArn"] + "x"})
    answers("AssumeRole", keys(), "ValidationError", **FURTHER_ROLE, DurationSeconds=7200)
    answers("AssumeRole", keys(), "MalformedPolicyDocument", **FURTHER_ROLE, Policy="{}")
    tags = [{"Key": str(number), "Value": "v" * 256} for number in range(40)]
    answers("AssumeRole", keys(), "PackedPolicyTooLarge", **FURTHER_ROLE, Tags=tags)
    for operation, request in identity, role:
        answers(operation, keys(), **request)
        answers(operation, client("sts"), "MissingAuthenticationToken", **request)
        answers(operation, keys(aws_session_token="unknown"), "InvalidClientTokenId", **request)
        answers(operation, keys(aws_secret_access_key="wrong"), "SignatureDoesNotMatch", **request)
    control("POST", "clock", {"advance_seconds": 13 * 3600})
    for operation, request in identity, role:
        answers(operation, keys(), "ExpiredToken", **request)


def log_out(access):
    with_fault("InvalidRequestException", "Logout", portal, {"status": 400}, accessToken=access)
    refusals("Logout", access, {})
    answers("Logout", portal, accessToken=access)


if spoiled:
    for operation, trouble in [
        ("ListAccounts", "wrong_types"),
        ("ListAccountRoles", "garbage_json"),
        ("GetRoleCredentials", "expiration_seconds"),
    ]:
        control("POST", "faults", {"operation": operation, "trouble": trouble, "times": 1})
    with_status = {"operation": "RegisterClient", "times": 1, "status": 418}
    control("POST", "faults", with_status)
    answers("RegisterClient", oidc, "InvalidRequestException", **PUBLIC)
    for_devices = registered(PUBLIC)
    started = device(for_devices)
    control("POST", "approve", {"user_code": started["userCode"], "user": "amara"})
    access = token(grantType=DEVICE, deviceCode=started["deviceCode"], **for_devices)["accessToken"]
    answers("ListAccounts", portal, accessToken=access)
    answers("ListAccountRoles", portal, accessToken=access, accountId=ROLE["accountId"])
    answers("GetRoleCredentials", portal, accessToken=access, **ROLE)
else:
    for_devices, for_codes = register_clients()
    start_devices(for_devices, for_codes)
    access = create_tokens(for_devices, for_codes)
    without_scopes()
    lists(access)
    credentials = role_credentials(access)
    log_out(access)
    of_sts(credentials)

def paths(shape, path):
    """Every member of an answer that a model allows."""
    if shape.type_name == "list":
        yield from paths(shape.member, f"{path}[]")
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            yield f"{path}.{member.serialization.get('name', name)}"
            yield from paths(member, f"{path}.{member.serialization.get('name', name)}")


errors_unseen, members_unseen = {}, []
for model in (made.meta.service_model for made in (oidc, portal, client("sts"))):
    for operation in map(model.operation_model, sorted(set(model.operation_names) & set(seen))):
        codes = {shape.name: error_code(shape) for shape in operation.error_shapes}
        missing = {name for name, code in codes.items() if not {name, code} & seen[operation.name]}
        if missing:
            errors_unseen[operation.name] = sorted(missing)
        if operation.output_shape:
            members_unseen += sorted(set(paths(operation.output_shape, operation.name)) - filled)
print(
    json.dumps(
        {
            "seen": {operation: sorted(names) for operation, names in seen.items()},
            "errors_unseen": errors_unseen,
            "members_unseen": members_unseen,
            "null": sorted(null),
            "wrong": wrong,
        }
    )
)
