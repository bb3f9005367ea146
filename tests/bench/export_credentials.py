"""What `aws configure export-credentials --format process` does for PROFILE, without the AWS CLI around it."""

import json
import pathlib
import sys

import botocore.session
from botocore.utils import JSONFileCache

session = botocore.session.Session(profile=sys.argv[1])
provider = session.get_component("credential_provider").get_provider("sso")
provider.cache = JSONFileCache(str(pathlib.Path.home() / ".aws/cli/cache"))
credentials = session.get_credentials().get_frozen_credentials()
print(
    json.dumps(
        {
            "Version": 1,
            "AccessKeyId": credentials.access_key,
            "SecretAccessKey": credentials.secret_key,
            "SessionToken": credentials.token,
        }
    )
)
