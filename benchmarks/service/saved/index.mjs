const VERSION = "v0-";

export const handler = async ({ body }) => {
  const answer = { ...JSON.parse(body), says: VERSION + process.env.VERSION };
  return { statusCode: 200, body: JSON.stringify(answer) };
};
