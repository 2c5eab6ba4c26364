"use strict";

const { ApiGatewayManagementApiClient, PostToConnectionCommand } = require("@aws-sdk/client-apigatewaymanagementapi");

const api = new ApiGatewayManagementApiClient({
  endpoint: process.env.BENCH_MANAGEMENT_URL,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

const post = (event, text) =>
  api.send(new PostToConnectionCommand({ ConnectionId: event.requestContext.connectionId, Data: text }));

exports.connect = async () => ({ statusCode: 200 });

exports.disconnect = async () => ({ statusCode: 200 });

exports.echo = async (event) => {
  await post(event, event.body);
  return { statusCode: 200 };
};

exports.sleep = async (event) => {
  await new Promise((resolve) => setTimeout(resolve, JSON.parse(event.body).ms));
  await post(event, event.body);
  return { statusCode: 200 };
};
