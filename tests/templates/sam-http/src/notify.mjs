import { createHash, createHmac } from "node:crypto";

const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
const hash = (text) => createHash("sha256").update(text).digest("hex");

/** Signs a request as the SDK does, which is not at hand where nothing can be fetched. */
function signed(url, body) {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token, AWS_REGION: region } = process.env;
  const at = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${at.slice(0, 8)}/${region}/execute-api/aws4_request`;
  const path = url.pathname.split("/").map((each) => encodeURIComponent(each)).join("/");
  const head = `host:${url.host}\nx-amz-date:${at}\nx-amz-security-token:${token}\n`;
  const names = "host;x-amz-date;x-amz-security-token";
  const request = ["POST", path, "", head, names, hash(body)].join("\n");
  const key = [at.slice(0, 8), region, "execute-api", "aws4_request"].reduce(hmac, `AWS4${secret}`);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", at, scope, hash(request)].join("\n")).toString("hex");
  return {
    "x-amz-date": at,
    "x-amz-security-token": token,
    authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

export const handler = async (event) => {
  const url = new URL(`${process.env.URL}/@connections/${encodeURIComponent(event.pathParameters.id)}`);
  const answer = await fetch(url, { method: "POST", headers: signed(url, event.body), body: event.body });
  return { sent: answer.status, version: event.version };
};
