"""Assumes a role as boto3 does it, says who that is, and prints every refusal by its code: ROLE_ARN EXTERNAL_ID."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

role_arn, external_id = sys.argv[1:]
sts = boto3.client("sts")
usual = {"RoleArn": role_arn, "RoleSessionName": "judge", "ExternalId": external_id}


def code_of(**changes):
    try:
        sts.assume_role(**{**usual, **changes})
        return None
    except ClientError as error:
        return error.response["Error"]["Code"]


tags = [{"Key": "Team", "Value": "blue"}]
answer = sts.assume_role(**usual, DurationSeconds=900, Tags=tags, TransitiveTagKeys=["Team"])
given = answer["Credentials"]
further = boto3.client(
    "sts",
    aws_access_key_id=given["AccessKeyId"],
    aws_secret_access_key=given["SecretAccessKey"],
    aws_session_token=given["SessionToken"],
)
identity = further.get_caller_identity()
print(
    json.dumps(
        {
            "arn": identity["Arn"],
            "sameArn": identity["Arn"] == answer["AssumedRoleUser"]["Arn"],
            "sameId": identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"],
            "packed": answer["PackedPolicySize"],
            "zone": given["Expiration"].utcoffset().total_seconds(),
            "otherId": code_of(ExternalId="another"),
            "otherRole": code_of(RoleArn=role_arn + "x"),
            "tooLong": code_of(DurationSeconds=7200),
            "noName": code_of(RoleSessionName="a b"),
            "twice": code_of(Tags=tags + [{"Key": "team", "Value": "red"}]),
        }
    )
)
