/** The shop behind the web server: which request is which action, and what it answers. No state on the server. */

export interface ShopRequest {
  readonly method: string;
  /** Path without the query, as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly cookies: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface ShopAnswer {
  readonly action: string;
  readonly statusCode: number;
  readonly body: unknown;
  /** Cookies to set; undefined removes one. */
  readonly cookies?: Readonly<Record<string, string | undefined>>;
  /** Methods that the path knows, with status 405. */
  readonly allow?: string;
}

/** Products are numbered from 1 to this. */
export const PRODUCTS = 5000;
/** A cart is a cookie, so that every replica knows it; browsers keep about 4 KB of one. */
const MAX_CART = 50;
const CATEGORIES = ['books', 'garden', 'kitchen', 'music', 'office', 'outdoor', 'tools', 'toys'] as const;
const MATERIALS = [
  'ash',
  'brass',
  'clay',
  'cork',
  'felt',
  'glass',
  'linen',
  'oak',
  'slate',
  'steel',
] as const;
const THINGS = [
  'bell',
  'bowl',
  'box',
  'chair',
  'clock',
  'cup',
  'lamp',
  'mat',
  'rack',
  'shelf',
  'tray',
] as const;

export interface Product {
  readonly id: number;
  readonly name: string;
  readonly category: string;
  /** Price in cents. */
  readonly cents: number;
}

/** Every product follows from its number, so that all replicas sell the same. */
export function product(id: number): Product | undefined {
  if (!Number.isInteger(id) || id < 1 || id > PRODUCTS) return undefined;
  const pick = <T>(list: readonly T[], seed: number) => list[seed % list.length] as T;
  return {
    id,
    name: `${pick(MATERIALS, id * 7)} ${pick(THINGS, id * 13)} ${id}`,
    category: pick(CATEGORIES, id),
    cents: 199 + ((id * 7919) % 19_800),
  };
}

const catalogue: readonly Product[] = Array.from(
  { length: PRODUCTS },
  (_, index) => product(index + 1) as Product,
);

type Handler = (request: ShopRequest, id: string) => Omit<ShopAnswer, 'action'>;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly action: string;
  readonly answer: Handler;
}

const ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/main\/?$/, action: 'MAIN', answer: main },
  { method: 'GET', path: /^\/search\/?$/, action: 'SEARCH', answer: search },
  { method: 'GET', path: /^\/store\/category\/?$/, action: 'CATEGORY', answer: category },
  { method: 'GET', path: /^\/store\/([^/]+)\/?$/, action: 'ITEM', answer: item },
  { method: 'POST', path: /^\/cart\/?$/, action: 'CART_ADD', answer: addToCart },
  { method: 'POST', path: /^\/order\/?$/, action: 'ORDER', answer: order },
  { method: 'GET', path: /^\/orderstatus\/?$/, action: 'ORDER_STATUS', answer: orderStatus },
];

/** The answer to a request. Never throws: what the shop does not know is a 4xx under the action UNKNOWN. */
export function answer(request: ShopRequest): ShopAnswer {
  const onPath = ROUTES.filter(route => route.path.test(request.path));
  const route = onPath.find(({ method }) => method === request.method);
  if (route) {
    const id = route.path.exec(request.path)?.[1] ?? '';
    return { action: route.action, ...route.answer(request, id) };
  }
  if (onPath.length > 0) {
    const allow = [...new Set(onPath.map(({ method }) => method))].join(', ');
    return { action: 'UNKNOWN', ...failure(405, `${request.path} answers to ${allow}`), allow };
  }
  return { action: 'UNKNOWN', ...failure(404, 'no such page') };
}

function main(): Omit<ShopAnswer, 'action'> {
  return { statusCode: 200, body: { categories: CATEGORIES, featured: catalogue.slice(0, 12) } };
}

function search({ query }: ShopRequest): Omit<ShopAnswer, 'action'> {
  const words = (query.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const found = catalogue.filter(({ name }) => words.every(word => name.includes(word)));
  return { statusCode: 200, body: { found: found.length, products: found.slice(0, 20) } };
}

function category({ query }: ShopRequest): Omit<ShopAnswer, 'action'> {
  const name = query.get('name');
  if (name === null) return { statusCode: 200, body: { categories: CATEGORIES } };
  if (!CATEGORIES.some(known => known === name)) return failure(404, 'no such category');
  const page = Math.max(1, Number.parseInt(query.get('page') ?? '1', 10) || 1);
  const products = catalogue.filter(({ category }) => category === name);
  return { statusCode: 200, body: { name, page, products: products.slice((page - 1) * 20, page * 20) } };
}

function item(_: ShopRequest, id: string): Omit<ShopAnswer, 'action'> {
  const found = /^\d{1,9}$/.test(id) ? product(Number(id)) : undefined;
  return found ? { statusCode: 200, body: found } : failure(404, 'no such product');
}

function addToCart({ body, cookies }: ShopRequest): Omit<ShopAnswer, 'action'> {
  let wanted: unknown;
  try {
    wanted = JSON.parse(body);
  } catch {
    return failure(400, 'the body must be JSON, e.g. {"product": 17}');
  }
  const id =
    typeof wanted === 'object' && wanted !== null ? (wanted as { product?: unknown }).product : undefined;
  const found = typeof id === 'number' ? product(id) : undefined;
  if (!found) return failure(400, `product must be a whole number from 1 to ${PRODUCTS}`);
  const cart = cartOf(cookies);
  if (cart.length >= MAX_CART) return failure(409, `a cart holds ${MAX_CART} products`);
  const filled = [...cart, found.id];
  return { statusCode: 201, body: { cart: filled }, cookies: { cart: filled.join('.') } };
}

function order({ cookies }: ShopRequest): Omit<ShopAnswer, 'action'> {
  const cart = cartOf(cookies);
  if (cart.length === 0) return failure(409, 'the cart is empty');
  const cents = cart.reduce((sum, id) => sum + (product(id)?.cents ?? 0), 0);
  return {
    statusCode: 201,
    body: { products: cart, cents },
    cookies: { cart: undefined, order: `${cart.length}.${cents}` },
  };
}

function orderStatus({ cookies }: ShopRequest): Omit<ShopAnswer, 'action'> {
  const [, products, cents] = /^(\d{1,3})\.(\d{1,9})$/.exec(cookies.get('order') ?? '') ?? [];
  if (products === undefined) return failure(404, 'no order in this session');
  return { statusCode: 200, body: { products: Number(products), cents: Number(cents), state: 'accepted' } };
}

function cartOf(cookies: ReadonlyMap<string, string>): number[] {
  const ids = (cookies.get('cart') ?? '').split('.').map(Number);
  return ids.filter(id => product(id) !== undefined).slice(0, MAX_CART);
}

function failure(statusCode: number, error: string): Omit<ShopAnswer, 'action'> {
  return { statusCode, body: { error } };
}
