import { ApiGatewayManagementApiClient, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";

let kept;

/** Sends a message back, by a client that is kept ("kept"), or by one made for it, as AWS's sample does ("each"). */
export const handler = async ({ requestContext, body }) => {
  const { domainName, stage, routeKey, connectionId } = requestContext;
  const made = () => new ApiGatewayManagementApiClient({ endpoint: `https://${domainName}/${stage}` });
  const client = routeKey === "kept" ? (kept ??= made()) : made();
  await client.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: body }));
  return { statusCode: 200 };
};
