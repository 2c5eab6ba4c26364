import https from "node:https";

/** Whether there is an API at a host: unsigned requests are refused, by it and not by nobody. */
function answers(host) {
  return new Promise((resolve, reject) => {
    https.get(`https://${host}/`, (answer) => resolve(answer.statusCode === 403)).on("error", reject);
  });
}

export const handler = async ({ requestContext }) => {
  const isNamed = requestContext.domainName === process.env.DOMAIN && (await answers(process.env.DOMAIN));
  return { statusCode: 200, body: isNamed ? "from Node.js, called as AWS calls it" : requestContext.domainName };
};
