import { DeleteItemCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({});

export const handler = async ({ requestContext }) => {
  const key = { id: { S: requestContext.connectionId } };
  await client.send(new DeleteItemCommand({ TableName: process.env.TABLE, Key: key }));
  return { statusCode: 200 };
};
