import type loadHighs from 'highs';
import type { Highs } from 'highs';

/** What a run of the solver found. */
export type MilpResult =
  | { readonly status: 'feasible'; readonly values: readonly number[] }
  | { readonly status: 'infeasible' }
  | { readonly status: 'stopped' };

export interface MilpLimits {
  /** Of the processor. */
  readonly seconds: number;
  readonly nodes: number;
}

let loading: Promise<Highs> | undefined;

/** The HiGHS solver, compiled to WebAssembly; loaded once, and not for a synthesis, which does not need it. */
export function solver(): Promise<Highs> {
  // The package's types describe its CommonJS form, in which the function is the module itself.
  loading ??= import('highs').then(({ default: load }) => (load as unknown as typeof loadHighs)());
  return loading;
}

/** A share of the processor this close to all of it counts as all; what is given back is at most ten times the wait. */
const MARGIN = 1.25;
const LEAST_SHARE = 0.1;

/** A question in integer variables and linear rows: is there any solution? */
export class Milp {
  private readonly lower: number[] = [];
  private readonly upper: number[] = [];
  private readonly rowLower: number[] = [];
  private readonly rowUpper: number[] = [];
  private readonly starts: number[] = [0];
  private readonly indices: number[] = [];
  private readonly values: number[] = [];

  /** An integer variable; returns its number. */
  variable(lower: number, upper: number): number {
    this.upper.push(upper);
    return this.lower.push(lower) - 1;
  }

  binary(): number {
    return this.variable(0, 1);
  }

  /** lower ≤ Σ coefficient × variable ≤ upper */
  row(
    terms: readonly (readonly [variable: number, coefficient: number])[],
    lower: number,
    upper: number,
  ): void {
    const merged = new Map<number, number>();
    for (const [variable, coefficient] of terms) {
      merged.set(variable, (merged.get(variable) ?? 0) + coefficient);
    }
    for (const [variable, coefficient] of merged) {
      if (coefficient === 0) continue;
      this.indices.push(variable);
      this.values.push(coefficient);
    }
    this.starts.push(this.indices.length);
    this.rowLower.push(lower);
    this.rowUpper.push(upper);
  }

  /** Whether the rows hold with every variable at zero. */
  admitsZeros(): boolean {
    const holds = (lower: number, row: number, uppers: readonly number[]) =>
      lower <= 0 && (uppers[row] as number) >= 0;
    return (
      this.lower.every((lower, row) => holds(lower, row, this.upper)) &&
      this.rowLower.every((lower, row) => holds(lower, row, this.rowUpper))
    );
  }

  get size(): number {
    return this.lower.length;
  }

  /** The solver's clock is on the wall: where others held the processor meanwhile, it gets the rest of its time. */
  solve(highs: Highs, limits: MilpLimits): MilpResult {
    // Of a row without terms the solver makes an error, or, where there is nothing else, an empty model.
    const isEmpty = (row: number) => this.starts[row] === this.starts[row + 1];
    if (this.rowLower.some((lower, row) => isEmpty(row) && (lower > 0 || (this.rowUpper[row] as number) < 0)))
      return { status: 'infeasible' };
    if (this.lower.length === 0) return { status: 'feasible', values: [] };
    const [startedAt, usedBefore] = [performance.now(), process.cpuUsage()];
    const first = this.run(highs, limits);
    if (first.status !== 'out of time') return first;
    const { user, system } = process.cpuUsage(usedBefore);
    const share = ((user + system) / 1e3 / (performance.now() - startedAt)) * MARGIN;
    const second =
      share < 1
        ? this.run(highs, { ...limits, seconds: limits.seconds / Math.max(share, LEAST_SHARE) })
        : first;
    return second.status === 'out of time' ? { status: 'stopped' } : second;
  }

  private run(highs: Highs, limits: MilpLimits): MilpResult | { readonly status: 'out of time' } {
    const { optimal, infeasible, timeLimit } = highs.constants.modelStatus;
    return highs.withModel(
      {
        numCols: this.lower.length,
        numRows: this.rowLower.length,
        colCost: this.lower.map(() => 0),
        colLower: this.lower,
        colUpper: this.upper,
        rowLower: this.rowLower.map(value => Math.max(value, -highs.infinity)),
        rowUpper: this.rowUpper.map(value => Math.min(value, highs.infinity)),
        matrix: {
          format: 'csr',
          numRows: this.rowLower.length,
          numCols: this.lower.length,
          starts: this.starts,
          indices: this.indices,
          values: this.values,
        },
        integrality: this.lower.map(() => highs.constants.variableType.integer),
      },
      (model): ReturnType<Milp['run']> => {
        model.options.set({
          output_flag: false,
          // Presolve costs 10 to 50 times what it saves on these models of many columns and few rows.
          presolve: 'off',
          mip_heuristic_effort: 0.2,
          time_limit: limits.seconds,
          mip_max_nodes: limits.nodes,
          mip_feasibility_tolerance: 1e-9,
          primal_feasibility_tolerance: 1e-9,
        });
        model.run();
        const status = model.getModelStatus();
        if (status === infeasible) return { status: 'infeasible' };
        if (status === timeLimit) return { status: 'out of time' };
        if (status !== optimal) return { status: 'stopped' };
        return {
          status: 'feasible',
          values: Array.from(model.getSolution().colValue, value => Math.round(value)),
        };
      },
    );
  }
}
