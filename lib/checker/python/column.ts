import { type Arguments, knownText, Native, type Value } from './values';

/** Methods of a column that tell something about it. */
const TELLS: ReadonlySet<string> = new Set([
  'isNull',
  'isNotNull',
  'isin',
  'contains',
  'startswith',
  'endswith',
  'like',
  'rlike',
  'between',
  'substr',
]);

/** Column expressions keep the name that they will have in a dataframe, when it is known. */
export class Column extends Native {
  constructor(
    public readonly name: string | undefined,
    /** The columns whose values it may hold as they are; undefined when nobody knows. */
    public readonly carries: readonly string[] | undefined = name === undefined ? undefined : [name],
  ) {
    super();
  }

  public method(name: string, args: Arguments): Value {
    if (name === 'alias' || name === 'name') {
      return new Column(
        args.positional.length === 1 ? knownText(args.positional[0]) : undefined,
        this.carries,
      );
    }
    if (['cast', 'astype', 'asc', 'desc'].includes(name)) return new Column(this.name, this.carries);
    const isPart = TELLS.has(name) || (this.carries?.length === 0 && /^get(Item|Field)$/.test(name));
    return new Column(undefined, isPart ? [] : undefined);
  }

  public override attribute(): Value {
    return new Column(undefined, this.carries?.length === 0 ? [] : undefined);
  }
}
