// Calls every operation once, signing in both ways: START_URL REGION. Prints the user code, and waits until somebody has
// approved it; at the end prints what it got, as JSON. `/authorize` has to redirect at once.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { GetRoleCredentialsCommand, LogoutCommand, SSOClient } from "@aws-sdk/client-sso";
import { paginateListAccountRoles, paginateListAccounts } from "@aws-sdk/client-sso";
import {
  AuthorizationPendingException,
  CreateTokenCommand,
  RegisterClientCommand,
  SSOOIDCClient,
  StartDeviceAuthorizationCommand,
} from "@aws-sdk/client-sso-oidc";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const [startUrl, region] = process.argv.slice(2);
const redirectUri = "http://127.0.0.1:49152/oauth/callback";
const oidc = new SSOOIDCClient({ region });
const portal = new SSOClient({ region });

const register = async (more) => {
  const scopes = ["sso:account:access"];
  const client = await oidc.send(
    new RegisterClientCommand({ clientName: "judge", clientType: "public", scopes, ...more }),
  );
  return { clientId: client.clientId, clientSecret: client.clientSecret };
};

const byDeviceCode = async () => {
  const client = await register({});
  const device = await oidc.send(new StartDeviceAuthorizationCommand({ ...client, startUrl }));
  console.log(device.userCode);
  const grantType = "urn:ietf:params:oauth:grant-type:device_code";
  const request = new CreateTokenCommand({ ...client, grantType, deviceCode: device.deviceCode });
  for (;;) {
    try {
      return { client, token: await oidc.send(request) };
    } catch (error) {
      if (!(error instanceof AuthorizationPendingException)) throw error;
      await pause(device.interval * 1000);
    }
  }
};

const byAuthorizationCode = async () => {
  const client = await register({
    grantTypes: ["authorization_code", "refresh_token"],
    redirectUris: ["http://127.0.0.1/oauth/callback"],
    issuerUrl: startUrl,
  });
  const codeVerifier = randomBytes(48).toString("base64url");
  const state = randomUUID();
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge_method: "S256",
    scopes: "sso:account:access",
    code_challenge: createHash("sha256").update(codeVerifier).digest("base64url"),
  });
  const authorize = `${process.env.AWS_ENDPOINT_URL_SSO_OIDC}/authorize?${query}`;
  const answer = await fetch(authorize, { redirect: "manual" });
  const redirected = new URL(answer.headers.get("location")).searchParams;
  if (redirected.get("state") !== state) throw new Error("another state came back");
  const code = redirected.get("code");
  const grantType = "authorization_code";
  return oidc.send(new CreateTokenCommand({ ...client, grantType, code, redirectUri, codeVerifier }));
};

const rows = async (pages, member) => {
  const all = [];
  for await (const page of pages) all.push(...page[member]);
  return all;
};

const { client, token } = await byDeviceCode();
const secondToken = await byAuthorizationCode();
const renewed = await oidc.send(
  new CreateTokenCommand({ ...client, grantType: "refresh_token", refreshToken: token.refreshToken }),
);
const { accessToken } = renewed;
const few = { client: portal, pageSize: 1 };
const accounts = await rows(paginateListAccounts(few, { accessToken }), "accountList");
const { accountId } = accounts.find((account) => account.accountId === "111122223333");
const roles = await rows(paginateListAccountRoles(few, { accessToken, accountId }), "roleList");
const { roleCredentials } = await portal.send(
  new GetRoleCredentialsCommand({ accessToken, accountId, roleName: "ReadOnly" }),
);
const { expiration, ...credentials } = roleCredentials;
const sts = new STSClient({ region, credentials });
const identity = await sts.send(new GetCallerIdentityCommand({}));
await portal.send(new LogoutCommand({ accessToken }));
const refused = await portal
  .send(new GetRoleCredentialsCommand({ accessToken, accountId, roleName: "ReadOnly" }))
  .catch((error) => error.name);
console.log(
  JSON.stringify({
    account: identity.Account,
    arn: identity.Arn,
    accounts: accounts.length,
    roles: roles.map((role) => role.roleName).sort(),
    expiresIn: renewed.expiresIn,
    secondsOfCredentials: Math.round((expiration - Date.now()) / 1000),
    afterLogout: refused,
  }),
);
