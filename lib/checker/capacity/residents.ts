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
   * Puts the critical daemon pods on their nodes and takes what they ask for off `capacities`. A daemon pod stays
   * a pod like any other where something may come before it: pods of its priority that are no daemons, another
   * resident, a full node, a spread or an affinity of its own.
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
    for (const demand of demands.filter(isCandidate)) {
      if (demand.set.priority <= highest) continue;
      demand.allows.forEach((allowed, node) => {
        const capacity = capacities[node] as number[];
        const fits = demand.requests.every(
          (request, r) => request === 0 || request <= (capacity[r] as number),
        );
        if (!allowed || !fits || this.keepsOff(demand.set, node)) return;
        demand.requests.forEach((request, r) => {
          capacity[r] = (capacity[r] as number) - request;
        });
        this.on.push({ set: demand.set, node });
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
