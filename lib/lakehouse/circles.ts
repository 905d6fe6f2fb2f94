import { type App, Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';

/**
 * Charts, or constructs of one chart, that depend on each other in a circle, a sentence each: nothing can be applied
 * before what it depends on.
 */
export function circlesOf(app: App): string[] {
  const edges = new Map<IConstruct, Set<IConstruct>>();
  for (const construct of app.node.findAll()) {
    for (const needed of construct.node.dependencies) {
      const [from, to] = apart(construct, needed);
      edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  return circlesIn(edges).map(circle => {
    const names = circle.map(({ node }) => node.path);
    const [first = ''] = names;
    return names.length === 1
      ? `[${first}] it depends on itself, so it can never be applied; remove the addDependency()`
      : `[app] ${names.join(' → ')} → ${first} depend on each other in a circle, so none can be applied first; remove one of the addDependency()`;
  });
}

/** The charts of two constructs, or where these are one chart the constructs themselves. */
function apart(construct: IConstruct, needed: IConstruct): readonly [IConstruct, IConstruct] {
  const [own, other] = [chartOf(construct), chartOf(needed)];
  return own === undefined || other === undefined || own === other ? [construct, needed] : [own, other];
}

function chartOf({ node }: IConstruct): IConstruct | undefined {
  return node.scopes.findLast(scope => scope instanceof Chart);
}

/** Each circle once, begun at the construct that stands first. */
function circlesIn(edges: ReadonlyMap<IConstruct, ReadonlySet<IConstruct>>): IConstruct[][] {
  const circles: IConstruct[][] = [];
  const done = new Set<IConstruct>();
  const visit = (construct: IConstruct, way: readonly IConstruct[]): void => {
    const start = way.indexOf(construct);
    if (start >= 0) {
      circles.push(way.slice(start));
      return;
    }
    if (done.has(construct)) return;
    for (const needed of edges.get(construct) ?? []) visit(needed, [...way, construct]);
    done.add(construct);
  };
  for (const construct of edges.keys()) visit(construct, []);
  return circles;
}
