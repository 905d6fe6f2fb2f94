import type { PodSet } from '../manifest/pods';
import { type HostPort, hostPorts, matchesTerm, portsCollide, relations, type Term } from './filters';
import type { ClusterNode } from './node';

/** The priority of system-cluster-critical; that of system-node-critical is above it. */
const CRITICAL = 2_000_000_000;

/** A set of pods with what each of them asks for, in the order of `Problem.resources`. */
interface Demanded {
  readonly set: PodSet;
  readonly requests: readonly number[];
  /** Nodes that the pods may be on. */
  readonly allows: readonly boolean[];
}

/**
 * The pods of critical DaemonSets, which are on their nodes before anything else comes: what they take, which ports
 * they hold, whom they keep off and who asks to be near them.
 */
export class Residents {
  private readonly on: { readonly set: PodSet; readonly node: number }[] = [];
  private readonly relationsOf = new Map<PodSet, ReturnType<typeof relations>>();
  private readonly portsOf = new Map<PodSet, HostPort[]>();

  constructor(private readonly nodes: readonly ClusterNode[]) {}

  /**
   * Puts the critical daemon pods on their nodes and takes what they ask for off `capacities`, the highest priority
   * first. They stay pods like any other from the priority on at which something may come before one of them: pods
   * that are no daemons, another daemon's port or anti-affinity, a full node, a spread or an affinity of its own.
   */
  settle(demands: readonly Demanded[], capacities: number[][]): void {
    const isCandidate = ({ set }: Demanded) => {
      const { affinity, spread } = this.relations(set);
      return (
        set.role === 'daemon' && set.priority >= CRITICAL && affinity.length === 0 && spread.length === 0
      );
    };
    const others = demands.filter(demand => !isCandidate(demand)).map(({ set }) => set.priority);
    const highest = Math.max(Number.NEGATIVE_INFINITY, ...others);
    const candidates = demands.filter(isCandidate).filter(({ set }) => set.priority > highest);
    const priorities = [...new Set(candidates.map(({ set }) => set.priority))].sort((a, b) => b - a);
    for (const priority of priorities) {
      const settled = this.on.length;
      const free = capacities.map(capacity => [...capacity]);
      const all = candidates
        .filter(({ set }) => set.priority === priority)
        .flatMap(demand => this.nodes.flatMap((_, node) => (demand.allows[node] ? [{ demand, node }] : [])))
        .every(({ demand: { set, requests }, node }) => {
          const left = free[node] as number[];
          const fits = requests.every((request, r) => request === 0 || request <= (left[r] as number));
          if (!fits || this.keepsOff(set, node)) return false;
          requests.forEach((request, r) => {
            left[r] = (left[r] as number) - request;
          });
          this.on.push({ set, node });
          return true;
        });
      if (!all) {
        this.on.length = settled;
        return;
      }
      free.forEach((left, node) => {
        capacities[node] = left;
      });
    }
  }

  has(set: PodSet, node: number): boolean {
    return this.on.some(resident => resident.set === set && resident.node === node);
  }

  /** Whether a resident's port or an anti-affinity on either side keeps the pods off the node. */
  keepsOff(set: PodSet, node: number): boolean {
    const own = this.relations(set).antiAffinity;
    return this.on.some(
      resident =>
        (resident.node === node && portsCollide(this.ports(set), this.ports(resident.set))) ||
        own.some(term => matchesTerm(term, resident.set) && this.isNear(term, resident.node, node)) ||
        this.relations(resident.set).antiAffinity.some(
          term => matchesTerm(term, set) && this.isNear(term, resident.node, node),
        ),
    );
  }

  /** Residents that every one of the affinity terms asks for: for each term, the nodes in their domains. */
  near(terms: readonly Term[]): { readonly isNear: boolean[][]; readonly any: boolean } {
    const asked = this.on.filter(({ set }) => terms.every(term => matchesTerm(term, set)));
    return {
      isNear: terms.map(term =>
        this.nodes.map((_, node) => asked.some(resident => this.isNear(term, resident.node, node))),
      ),
      any: asked.some(({ node }) =>
        terms.some(({ topologyKey }) => this.nodes[node]?.labels[topologyKey] !== undefined),
      ),
    };
  }

  /** How many residents of each node a spread counts. */
  counted(matches: (set: PodSet) => boolean): number[] {
    return this.nodes.map(
      (_, node) => this.on.filter(({ set, node: at }) => at === node && matches(set)).length,
    );
  }

  private isNear({ topologyKey }: Term, a: number, b: number): boolean {
    const domain = this.nodes[a]?.labels[topologyKey];
    return domain !== undefined && domain === this.nodes[b]?.labels[topologyKey];
  }

  private relations(set: PodSet): ReturnType<typeof relations> {
    const known = this.relationsOf.get(set) ?? relations(set);
    this.relationsOf.set(set, known);
    return known;
  }

  private ports(set: PodSet): HostPort[] {
    const known = this.portsOf.get(set) ?? hostPorts(set);
    this.portsOf.set(set, known);
    return known;
  }
}
