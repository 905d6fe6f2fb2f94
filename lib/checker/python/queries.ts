import type { Arm, QueryFacts } from './facts';
import type { At } from './values';

/** A streaming query that the program starts. */
export interface StartedQuery {
  readonly at: At;
  /** Whether it ends by itself, once it has processed what is there. */
  readonly ends: boolean;
  readonly arms: readonly Arm[];
  /** How often the program may have waited before it. */
  readonly waits: number;
  /** Whether another thread, or somebody whom the program only hands a function, starts it. */
  readonly isAside: boolean;
  isStopped: boolean;
}

/** The order in which a program starts, waits for and stops its queries. */
export class Queries {
  private readonly started: StartedQuery[] = [];
  private readonly late = new Map<string, QueryFacts['late'][number]>();
  private readonly stopped = new Map<string, QueryFacts['stopped'][number]>();
  private waits = 0;
  /** Where the program waits for ever, and in which alternatives. */
  private blocked: { readonly at: At; readonly arms: readonly Arm[] } | undefined;
  private asides = 0;

  /** The alternatives in which the program is. */
  constructor(private readonly arms: () => readonly Arm[]) {}

  public start(at: At, ends: boolean): StartedQuery {
    const arms = this.arms();
    const query = { at, ends, arms, waits: this.waits, isAside: this.asides > 0, isStopped: false };
    this.started.push(query);
    const { blocked } = this;
    if (blocked !== undefined && !query.isAside && isWithin(arms, blocked.arms))
      this.late.set(JSON.stringify([at, blocked.at]), { at, awaited: blocked.at });
    return query;
  }

  /** The program waits until a query ends; without one, for some time. */
  public awaited(query: StartedQuery | undefined, at: At): void {
    this.waits += 1;
    if (query !== undefined && !query.ends) this.block(at);
  }

  public awaitedAny(at: At): void {
    this.waits += 1;
    if (this.started.length > 0 && this.started.every(({ ends }) => !ends)) this.block(at);
  }

  /** The program may wait here, or somebody else for it. */
  public mayWait(): void {
    this.waits += 1;
  }

  /** A query is stopped; without one, the session with all of them. */
  public stop(query: StartedQuery | undefined, at: At): void {
    if (this.asides > 0) return;
    for (const item of query === undefined ? this.started : [query]) {
      if (item.isAside || item.waits !== this.waits || !isWithin(item.arms, this.arms())) continue;
      item.isStopped = true;
      const isSession = query === undefined;
      this.stopped.set(JSON.stringify([at, item.at]), { at, started: item.at, isSession });
    }
  }

  /** What another thread does, or somebody whom the program hands a function, is in no order with the rest. */
  public aside<T>(action: () => T): T {
    const { blocked } = this;
    this.asides += 1;
    const result = action();
    this.asides -= 1;
    this.blocked = blocked;
    return result;
  }

  public facts(): QueryFacts {
    const unawaited = this.started.filter(
      ({ waits, isAside, isStopped }) => waits === this.waits && !isAside && !isStopped,
    );
    return {
      late: [...this.late.values()],
      stopped: [...this.stopped.values()],
      unawaited: [...new Map(unawaited.map(({ at }) => [JSON.stringify(at), at])).values()],
    };
  }

  private block(at: At): void {
    if (this.asides === 0) this.blocked ??= { at, arms: this.arms() };
  }
}

/** Whether what happens in some alternatives happens only where others are taken as well. */
function isWithin(inner: readonly Arm[], outer: readonly Arm[]): boolean {
  return outer.every(
    ({ branch, arm }, index) => inner[index]?.branch === branch && inner[index]?.arm === arm,
  );
}
