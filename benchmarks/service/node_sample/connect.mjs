import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({});

export const handler = async ({ requestContext }) => {
  const item = { id: { S: requestContext.connectionId } };
  await client.send(new PutItemCommand({ TableName: process.env.TABLE, Item: item }));
  return { statusCode: 200 };
};
