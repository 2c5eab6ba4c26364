const PRICES = { tea: 4, coffee: 5 };

export async function handler(event) {
  if (event.requestContext.routeKey !== "price") return { statusCode: 200 };
  const { what } = JSON.parse(event.body);
  console.log(`price of ${what}`);
  if (!(what in PRICES)) throw new Error(`we sell no ${what}`);
  return { statusCode: 200, body: JSON.stringify({ what, price: PRICES[what] }) };
}
