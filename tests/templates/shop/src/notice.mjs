export async function handler(event) {
  for (const { Sns: told } of event.Records) console.info(JSON.stringify({ message: "told of an order", subject: told.Subject }));
}
