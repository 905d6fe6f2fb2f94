import { answer, PRODUCTS, product } from '../../was/shop';

function ask(
  method: string,
  target: string,
  { body = '', cookies = {} }: { body?: string; cookies?: object } = {},
) {
  const [path = '', query = ''] = target.split('?');
  return answer({
    method,
    path,
    query: new URLSearchParams(query),
    cookies: new Map(Object.entries(cookies)),
    body,
  });
}

test.each([
  ['GET', '/main', 'MAIN'],
  ['GET', '/search?q=oak', 'SEARCH'],
  ['GET', '/store/category', 'CATEGORY'],
  ['GET', '/store/17', 'ITEM'],
  ['GET', '/store/17/', 'ITEM'],
])('%s %s is %s', (method, target, action) => {
  expect(ask(method, target)).toMatchObject({ action, statusCode: 200 });
});

test('a visit leads from the cart over the order to its status', () => {
  const added = ask('POST', '/cart', { body: '{"product": 17}' });
  const twice = ask('POST', '/cart', { body: '{"product": 18}', cookies: added.cookies ?? {} });
  const ordered = ask('POST', '/order', { cookies: twice.cookies ?? {} });
  const status = ask('GET', '/orderstatus', { cookies: ordered.cookies ?? {} });

  const cents = (product(17)?.cents ?? 0) + (product(18)?.cents ?? 0);
  expect(added).toMatchObject({ action: 'CART_ADD', statusCode: 201, cookies: { cart: '17' } });
  expect(twice.cookies).toEqual({ cart: '17.18' });
  expect(ordered).toMatchObject({ action: 'ORDER', statusCode: 201, body: { products: [17, 18], cents } });
  expect(ordered.cookies).toEqual({ cart: undefined, order: `2.${cents}` });
  expect(status).toMatchObject({ action: 'ORDER_STATUS', statusCode: 200, body: { products: 2, cents } });
});

test.each([
  ['GET', `/store/${PRODUCTS + 1}`, {}, 'ITEM', 404],
  ['GET', '/store/abc', {}, 'ITEM', 404],
  ['GET', '/store/category?name=nothing', {}, 'CATEGORY', 404],
  ['POST', '/cart', { body: 'product=17' }, 'CART_ADD', 400],
  ['POST', '/cart', { body: '{"product": "17"}' }, 'CART_ADD', 400],
  ['POST', '/cart', { body: 'null' }, 'CART_ADD', 400],
  [
    'POST',
    '/cart',
    { body: '{"product": 1}', cookies: { cart: Array(50).fill(1).join('.') } },
    'CART_ADD',
    409,
  ],
  ['POST', '/order', {}, 'ORDER', 409],
  ['POST', '/order', { cookies: { cart: 'x.0.99999' } }, 'ORDER', 409],
  ['GET', '/orderstatus', {}, 'ORDER_STATUS', 404],
  ['GET', '/nothing', {}, 'UNKNOWN', 404],
  ['DELETE', '/main', {}, 'UNKNOWN', 405],
])('%s %s %j is %s with %i', (method, target, more, action, statusCode) => {
  expect(ask(method, target, more)).toMatchObject({
    action,
    statusCode,
    body: { error: expect.any(String) },
  });
});

test('a method that a page does not know is told which it knows', () => {
  expect(ask('GET', '/cart').allow).toBe('POST');
});

test('a search finds products by all words, and none by a word that no product has', () => {
  const { body } = ask('GET', '/search?q=oak%20lamp') as {
    body: { found: number; products: { name: string }[] };
  };

  expect(body.found).toBeGreaterThan(0);
  for (const { name } of body.products) expect(name).toMatch(/oak.*lamp/);
  expect(ask('GET', '/search?q=submarine').body).toEqual({ found: 0, products: [] });
});
