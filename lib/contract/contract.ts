import { parse } from 'yaml';

/** A column (ODCS: a property) of an object of the contract. */
export interface Column {
  readonly name: string;
  readonly description: string;
  readonly logicalType: LogicalType;
  /** Spark's type in bronze, silver and quarantine, ClickHouse's in gold; undefined where the contract needs none. */
  readonly physicalType: string | undefined;
  readonly required: boolean;
  readonly primaryKey: boolean;
  readonly partitioned: boolean;
  readonly transformLogic: string | undefined;
  /** The values that are allowed, e.g. minimum and maximum. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly custom: Readonly<Record<string, unknown>>;
}

/** A table, view, file set or message (ODCS: an object). */
export interface ContractObject {
  readonly name: string;
  readonly physicalType: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly columns: readonly Column[];
  readonly custom: Readonly<Record<string, unknown>>;
}

export interface Contract {
  readonly version: string;
  readonly objects: readonly ContractObject[];
}

const logicalTypes = [
  'string',
  'integer',
  'number',
  'boolean',
  'date',
  'timestamp',
  'array',
  'object',
] as const;
export type LogicalType = (typeof logicalTypes)[number];

/** Everything that is wrong with a contract, one sentence a problem. */
export class ContractError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

type Plain = Readonly<Record<string, unknown>>;

/** Reads the contract's YAML. Throws a ContractError that names every problem. */
export function readContract(text: string): Contract {
  const document = parse(text) as Plain;
  const problems: string[] = [];
  const objects = list(document['schema']).map(object => readObject(object, problems));
  for (const name of repeated(objects.map(object => object.name))) {
    problems.push(`object ${name} stands twice in the contract; give each object its own name`);
  }
  const contract = { version: String(document['version']), objects };
  if (problems.length > 0) throw new ContractError(problems);
  return contract;
}

/** The object of that name. Throws a ContractError when there is none. */
export function objectNamed(contract: Contract, name: string): ContractObject {
  const found = contract.objects.find(object => object.name === name);
  if (found === undefined) {
    const known = contract.objects.map(object => object.name).join(', ');
    throw new ContractError([`the contract has no object ${name}; its objects are ${known}`]);
  }
  return found;
}

export function objectsTagged(contract: Contract, tag: string): readonly ContractObject[] {
  return contract.objects.filter(object => object.tags.includes(tag));
}

function readObject(object: Plain, problems: string[]): ContractObject {
  const name = String(object['name']);
  const columns = list(object['properties']).map(property => readColumn(name, property, problems));
  for (const column of repeated(columns.map(column => column.name))) {
    problems.push(`${name}.${column} stands twice; give each column its own name`);
  }
  if (columns.length === 0) problems.push(`${name} has no properties; state at least one`);
  return {
    name,
    physicalType: String(object['physicalType'] ?? 'table'),
    description: String(object['description'] ?? ''),
    tags: (object['tags'] as readonly string[] | undefined) ?? [],
    columns,
    custom: customProperties(object),
  };
}

function readColumn(object: string, property: Plain, problems: string[]): Column {
  const name = String(property['name']);
  const logicalType = logicalTypes.find(type => type === property['logicalType']);
  if (logicalType === undefined) {
    const allowed = logicalTypes.join(', ');
    problems.push(
      `${object}.${name} has logicalType ${String(property['logicalType'])}; allowed are ${allowed}`,
    );
  }
  if (typeof property['description'] !== 'string') {
    problems.push(`${object}.${name} has no description; say what it means`);
  }
  return {
    name,
    description: String(property['description']),
    logicalType: logicalType ?? 'string',
    physicalType: property['physicalType'] as string | undefined,
    required: property['required'] === true,
    primaryKey: property['primaryKey'] === true,
    partitioned: property['partitioned'] === true,
    transformLogic: property['transformLogic'] as string | undefined,
    options: (property['logicalTypeOptions'] as Plain | undefined) ?? {},
    custom: customProperties(property),
  };
}

function customProperties(element: Plain): Record<string, unknown> {
  return Object.fromEntries(
    list(element['customProperties']).map(one => [String(one['property']), one['value']]),
  );
}

function list(value: unknown): readonly Plain[] {
  return (value as readonly Plain[] | undefined) ?? [];
}

function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
