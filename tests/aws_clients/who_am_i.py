"""Prints who the default credentials belong to, and how they were found."""

import json

import boto3

session = boto3.Session()
identity = session.client("sts").get_caller_identity()
method = session.get_credentials().method
print(json.dumps({"account": identity["Account"], "arn": identity["Arn"], "method": method}))
