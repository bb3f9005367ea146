"""Makes presigned GetCallerIdentity requests as botocore's callers do, and sends them: to see, as JSON, what came of each."""

import http.client
import json
import os
import urllib.parse

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.model import ServiceId
from botocore.signers import RequestSigner

endpoint = os.environ["AWS_ENDPOINT_URL_STS"]
host = urllib.parse.urlsplit(endpoint).netloc
CALL = "Action=GetCallerIdentity&Version=2011-06-15"


def send(method, url, body=None, **headers):
    connection = http.client.HTTPConnection(host)
    address = urllib.parse.urlsplit(url)
    connection.request(method, f"{address.path}?{address.query}".rstrip("?"), body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


role = {"user": "amara", "account": "111122223333", "permission_set": "ReadOnly"}
_, keys = send("POST", f"{endpoint}/_control/credentials", json.dumps(role))
keys = json.loads(keys)
session = boto3.Session(
    aws_access_key_id=keys["accessKeyId"],
    aws_secret_access_key=keys["secretAccessKey"],
    aws_session_token=keys["sessionToken"],
    region_name="eu-west-1",
)


def presigned(method):
    """By the client, as anybody does."""
    made = session.client("sts").generate_presigned_url(
        "get_caller_identity", Params={}, ExpiresIn=60, HttpMethod=method
    )
    return send(method, made)[0], send(method, made.replace("Expires=60", "Expires=61"))[0]


def for_a_cluster():
    """As `aws eks get-token` does: with a header of its own that is signed."""
    signer = RequestSigner(
        ServiceId("sts"), "eu-west-1", "sts", "v4", session.get_credentials(), session.events
    )
    request = {
        "method": "GET",
        "url": f"{endpoint}/?{CALL}",
        "body": {},
        "headers": {"x-k8s-aws-id": "my-cluster"},
        "context": {},
    }
    made = signer.generate_presigned_url(
        request, region_name="eu-west-1", expires_in=60, operation_name=""
    )
    clusters = [{"x-k8s-aws-id": "my-cluster"}, {"x-k8s-aws-id": "another"}, {}]
    return [send("GET", made, **headers)[0] for headers in clusters]


def for_a_vault():
    """A POST whose head is signed, with a header that names the server; sent on by somebody else."""
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    headers = {"X-Vault-AWS-IAM-Server-ID": "vault.example", "Content-Type": kind}
    request = AWSRequest("POST", f"{endpoint}/", data=CALL, headers=headers)
    SigV4Auth(session.get_credentials(), "sts", "eu-west-1").add_auth(request)
    return send("POST", f"{endpoint}/", CALL, **dict(request.headers))[0]


made = session.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
_, answer = send("GET", made, Accept="application/json")
print(
    json.dumps(
        {
            "get": presigned("GET"),
            "post": presigned("POST"),
            "cluster": for_a_cluster(),
            "vault": for_a_vault(),
            "account": json.loads(answer)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Account"],
        }
    )
)
