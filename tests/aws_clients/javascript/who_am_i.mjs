// Prints who the default credentials belong to.
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

const sts = new STSClient({ credentials: fromNodeProviderChain() });
const identity = await sts.send(new GetCallerIdentityCommand({}));
console.log(JSON.stringify({ account: identity.Account, arn: identity.Arn }));
