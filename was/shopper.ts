/** What visitors of the shop do, one request after the other. */

export interface Step {
  readonly method: 'GET' | 'POST';
  /** Path with query. */
  readonly target: string;
  readonly body?: string;
}

type Place = 'MAIN' | 'SEARCH' | 'CATEGORY' | 'ITEM' | 'CART_ADD' | 'ORDER' | 'ORDER_STATUS';

/**
 * Where a visitor goes from each place, with what probability; what is missing from 1 leaves the shop. The figures
 * are made up to look like a shop: about one session in seven ends with an order.
 */
const WALK: Readonly<Record<Place, Partial<Readonly<Record<Place, number>>>>> = {
  MAIN: { SEARCH: 0.35, CATEGORY: 0.3, ITEM: 0.15 },
  SEARCH: { ITEM: 0.55, SEARCH: 0.15, MAIN: 0.05 },
  CATEGORY: { ITEM: 0.6, CATEGORY: 0.15, MAIN: 0.05 },
  ITEM: { CART_ADD: 0.25, ITEM: 0.25, SEARCH: 0.2, MAIN: 0.05 },
  CART_ADD: { ORDER: 0.4, ITEM: 0.25, MAIN: 0.1 },
  ORDER: { ORDER_STATUS: 0.6, MAIN: 0.1 },
  ORDER_STATUS: { MAIN: 0.15 },
};
const WORDS = ['oak', 'lamp', 'clay bowl', 'felt', 'rack', 'steel cup', 'glass', 'clock 7'] as const;
const CATEGORIES = ['books', 'garden', 'kitchen', 'music', 'office', 'outdoor', 'tools', 'toys'] as const;
/** Some visitors are not logged in, and some links are dead. */
const ANONYMOUS = 0.08;
const DEAD_LINK = 0.02;

/** One visit: a user or nobody, the cookies that the shop gave, and a walk that ends. */
export class Shopper {
  private readonly cookies = new Map<string, string>();
  private place: Place | undefined;
  private ended = false;

  /** @param random numbers in [0, 1) */
  constructor(
    private readonly random: () => number,
    users: number,
  ) {
    if (random() >= ANONYMOUS) this.cookies.set('user', String(10_000 + Math.floor(random() ** 2 * users)));
  }

  /** The next request; undefined when the visitor has left. */
  public next(): Step | undefined {
    if (this.ended) return undefined;
    this.place = this.place === undefined ? 'MAIN' : this.follow(this.place);
    if (this.place === undefined) {
      this.ended = true;
      return undefined;
    }
    return this.step(this.place);
  }

  /** The Cookie header. */
  public get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Keeps what Set-Cookie headers say. */
  public receive(setCookies: readonly string[]): void {
    for (const header of setCookies) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(header) ?? [];
      if (name === undefined || value === undefined) continue;
      if (/;\s*Max-Age=0/i.test(header)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }

  private follow(from: Place): Place | undefined {
    let chance = this.random();
    for (const [to, probability] of Object.entries(WALK[from]) as [Place, number][]) {
      chance -= probability;
      if (chance < 0) return to;
    }
    return undefined;
  }

  private step(place: Place): Step {
    const pick = <T>(list: readonly T[]) => list[Math.floor(this.random() * list.length)] as T;
    // a few products sell much, most sell little
    const id = 1 + Math.floor(this.random() ** 3 * 5000);
    switch (place) {
      case 'MAIN':
        return { method: 'GET', target: '/main' };
      case 'SEARCH':
        return { method: 'GET', target: `/search?q=${encodeURIComponent(pick(WORDS))}` };
      case 'CATEGORY':
        return { method: 'GET', target: `/store/category?name=${pick(CATEGORIES)}` };
      case 'ITEM':
        return { method: 'GET', target: `/store/${this.random() < DEAD_LINK ? id + 5000 : id}` };
      case 'CART_ADD':
        return { method: 'POST', target: '/cart', body: JSON.stringify({ product: id }) };
      case 'ORDER':
        return { method: 'POST', target: '/order' };
      case 'ORDER_STATUS':
        return { method: 'GET', target: '/orderstatus' };
    }
  }
}
